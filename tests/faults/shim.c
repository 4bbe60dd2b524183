/* Goes between a process and its disk. It looks at write-ahead logs, and where it says so at databases.
 *
 * ES_SHIM_FAIL_SYNC=n[:m]   from the n-th sync on, m of them (one, if not said) fail with EIO
 * ES_SHIM_FAIL_WRITE=n[:m]  so do writes
 * ES_SHIM_FAIL_MOVE=n[:m]   so do writes to databases
 * ES_SHIM_FULL=path         as long as there is a file at this path, every write fails with ENOSPC
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *end, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1), from = length - (ssize_t)strlen(end);
    if (from < 0) return 0;
    path[length] = 0;
    return strcmp(path + from, end) == 0;
}

static int is_log(int fd) {
    return ends_with("-wal", fd);
}

static void say(const char *what) {
    if (write(2, what, strlen(what)) < 0) abort();
}

static int is_planned(const char *plan, atomic_int *count) {
    int first = 0, many = 1, now = atomic_fetch_add(count, 1) + 1;
    sscanf(plan, "%d:%d", &first, &many);
    return now >= first && now < first + many;
}

static int sync_fails(int fd) {
    static atomic_int count;
    const char *plan = getenv("ES_SHIM_FAIL_SYNC");
    if (!plan || !is_log(fd) || !is_planned(plan, &count)) return 0;
    say("sync failed\n");
    errno = EIO;
    return 1;
}

static int write_fails(int fd, const char *plan, const char *end, atomic_int *count) {
    if (!plan || !ends_with(end, fd) || !is_planned(plan, count)) return 0;
    say("write failed\n");
    errno = EIO;
    return 1;
}

static int is_full(int fd) {
    const char *flag = getenv("ES_SHIM_FULL");
    if (!flag || access(flag, F_OK) != 0 || !is_log(fd)) return 0;
    say("disk full\n");
    errno = ENOSPC;
    return 1;
}

static int is_refused(int fd) {
    static atomic_int writes, moves;
    return is_full(fd) || write_fails(fd, getenv("ES_SHIM_FAIL_WRITE"), "-wal", &writes)
        || write_fails(fd, getenv("ES_SHIM_FAIL_MOVE"), ".db", &moves);
}

#define THE_REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int fsync(int fd) {
    THE_REAL(fsync);
    return sync_fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
    THE_REAL(fdatasync);
    return sync_fails(fd) ? -1 : real(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    THE_REAL(pwrite);
    return is_refused(fd) ? -1 : real(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    THE_REAL(pwrite64);
    return is_refused(fd) ? -1 : real(fd, bytes, count, offset);
}
