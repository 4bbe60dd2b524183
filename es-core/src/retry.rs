//! How often a command is repeated when somebody else was faster.

use std::time::Duration;

/// The most attempts behind the first, and the pauses between them.
///
/// Only a version conflict is retried: another writer appended between the read and the append. The pause
/// before repetition `n` is drawn evenly from zero up to `base · 2ⁿ⁻¹`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most repetitions; a command has `1 + max` attempts.
    pub max: u32,
    /// What the first pause is drawn from.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
}

impl RetryPolicy {
    /// Ten repetitions; the first pause is at most 2 ms, the longest 200 ms.
    pub const DEFAULT: Self =
        Self { max: 10, base: Duration::from_millis(2), cap: Duration::from_millis(200) };

    /// What a reactor does that does not say: eight repetitions, the first pause at most 100 ms, the longest
    /// 30 s. What fails there is the outside, which takes longer than a rival.
    pub const REACTOR: Self = Self { max: 8, base: Duration::from_millis(100), cap: Duration::from_secs(30) };

    /// Another number of repetitions.
    #[must_use]
    pub const fn max(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// Other pauses.
    #[must_use]
    pub const fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }

    /// The pause before repetition `n`, from 1: full jitter.
    pub(crate) fn pause(&self, n: u32) -> Duration {
        let ceiling = self.base.saturating_mul(1 << n.saturating_sub(1).min(20)).min(self.cap);
        ceiling.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_cap() {
        let policy = RetryPolicy::DEFAULT.backoff(Duration::from_millis(5), Duration::from_millis(200));
        for n in 1..100 {
            let ceiling = Duration::from_millis(5).saturating_mul(1 << (n - 1).min(20));
            assert!(policy.pause(n) <= ceiling.min(Duration::from_millis(200)));
        }
    }
}
