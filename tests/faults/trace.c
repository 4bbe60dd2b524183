/* Writes down what a process asks of its disk, and what it says on its standard error, in that order.
 *
 * ES_TRACE=path     where to
 * ES_TRACE_END=n    the process ends when it asks for its n-th sync
 *
 * It looks at the file ES_FAULTS_FILE, at its journal and its write-ahead log, and at the folder, which is
 * called ".". An entry is a line "what name number length", with so many bytes behind it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Held from before something is asked until it is written down; whoever asks may say something meanwhile. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void note(const char *what, const char *name, long long number, const void *bytes, size_t length) {
    static FILE *trace;
    const char *path = getenv("ES_TRACE");
    int kept = errno;
    if (!trace && !(trace = fopen(path, "a"))) abort();
    fprintf(trace, "%s %s %lld %zu\n", what, name, number, length);
    fwrite(bytes, 1, length, trace);
    if (fflush(trace) != 0) abort();
    errno = kept;
}

/* The name of what is traced, of anything else NULL. */
static const char *traced(const char *path) {
    const char *file = getenv("ES_FAULTS_FILE");
    if (!file) return NULL;
    const char *name = strrchr(file, '/') + 1;
    size_t length = strlen(file), folder = name - 1 - file;
    if (strlen(path) == folder && strncmp(path, file, folder) == 0) return ".";
    if (strncmp(path, file, length) != 0) return NULL;
    const char *rest = path + length;
    int is_one = !*rest || strcmp(rest, "-wal") == 0 || strcmp(rest, "-journal") == 0;
    return is_one ? path + (name - file) : NULL;
}

static const char *traced_fd(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return NULL;
    path[length] = 0;
    return traced(path);
}

/* A sync, unless this is where the process ends. */
static int synced(int (*real)(int), int fd, const char *name) {
    static long count;
    const char *end = getenv("ES_TRACE_END");
    if (name && end && ++count == atol(end)) _exit(0);
    return real(fd);
}

#define THE_REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* Asks for `call`, and writes it down if that is `done` and about a file that is traced. */
#define TRACED(type, call, fd, done, ...)                 \
    char path[4096];                                      \
    pthread_mutex_lock(&lock);                            \
    const char *name = traced_fd(fd, path);               \
    type result = call;                                   \
    if (name && (done)) note(__VA_ARGS__);                \
    pthread_mutex_unlock(&lock);                          \
    return result

int fsync(int fd) {
    THE_REAL(fsync);
    TRACED(int, synced(real, fd, name), fd, 1, result == 0 ? "sync" : "failed", name, 0, "", 0);
}

int fdatasync(int fd) {
    THE_REAL(fdatasync);
    TRACED(int, synced(real, fd, name), fd, 1, result == 0 ? "sync" : "failed", name, 0, "", 0);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    THE_REAL(pwrite);
    TRACED(ssize_t, real(fd, bytes, count, offset), fd, result > 0, "write", name, offset, bytes, result);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    THE_REAL(pwrite64);
    TRACED(ssize_t, real(fd, bytes, count, offset), fd, result > 0, "write", name, offset, bytes, result);
}

int ftruncate(int fd, off_t length) {
    THE_REAL(ftruncate);
    TRACED(int, real(fd, length), fd, result == 0, "length", name, length, "", 0);
}

int ftruncate64(int fd, off64_t length) {
    THE_REAL(ftruncate64);
    TRACED(int, real(fd, length), fd, result == 0, "length", name, length, "", 0);
}

int unlink(const char *path) {
    THE_REAL(unlink);
    pthread_mutex_lock(&lock);
    int result = real(path);
    const char *name = traced(path);
    if (result == 0 && name) note("unlink", name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    THE_REAL(write);
    if (fd != 2) {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        TRACED(ssize_t, real(fd, bytes, count), fd, result > 0, "write", name, offset, bytes, result);
    }
    pthread_mutex_lock(&lock);
    ssize_t result = real(fd, bytes, count);
    if (result > 0) note("said", "-", 0, bytes, result);
    pthread_mutex_unlock(&lock);
    return result;
}
