//! Gauges with two marks: above the high one senders pause, below the low one they go on.

/// The marks of a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    high: usize,
    low: usize,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossed {
    /// Nothing that matters.
    Neither,
    /// The gauge rose to the high mark: pause.
    High,
    /// The gauge fell to the low mark: go on.
    Low,
}

/// An amount that is outstanding, and whether that is too much.
#[derive(Clone, Copy, Debug)]
pub struct Credit {
    watermark: Watermark,
    outstanding: usize,
    is_exhausted: bool,
}

impl Watermark {
    /// The two marks; a low mark that is not below the high one is put there.
    #[must_use]
    pub const fn new(high: usize, low: usize) -> Self {
        let high = if high == 0 { 1 } else { high };
        let low = if low < high { low } else { high - 1 };
        Self { high, low }
    }

    /// The mark at which senders pause.
    #[must_use]
    pub const fn high(self) -> usize {
        self.high
    }

    /// The mark at which they go on.
    #[must_use]
    pub const fn low(self) -> usize {
        self.low
    }
}

impl Credit {
    /// Nothing is outstanding.
    #[must_use]
    pub const fn new(watermark: Watermark) -> Self {
        Self {
            watermark,
            outstanding: 0,
            is_exhausted: false,
        }
    }

    /// More is outstanding.
    pub fn add(&mut self, amount: usize) -> Crossed {
        self.outstanding = self.outstanding.saturating_add(amount);
        self.settle()
    }

    /// Less is outstanding; never less than nothing.
    pub fn sub(&mut self, amount: usize) -> Crossed {
        debug_assert!(amount <= self.outstanding, "more came back than went out");
        self.outstanding = self.outstanding.saturating_sub(amount);
        self.settle()
    }

    /// Whether senders pause.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// What is outstanding.
    #[must_use]
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Between the marks nothing changes, so that senders do not flutter.
    fn settle(&mut self) -> Crossed {
        if !self.is_exhausted && self.outstanding >= self.watermark.high {
            self.is_exhausted = true;
            Crossed::High
        } else if self.is_exhausted && self.outstanding <= self.watermark.low {
            self.is_exhausted = false;
            Crossed::Low
        } else {
            Crossed::Neither
        }
    }
}

#[cfg(test)]
mod tests;
