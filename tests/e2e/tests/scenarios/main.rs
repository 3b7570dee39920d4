//! The scenarios with rumqttc over 3.1.1 and 5.0: 1 to 4 and 6 against the real binary,
//! 4 and 5 also against a broker inside the test.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests; keep-alive is measured from outside by a clock"
)]

/// Declares each function as a test once for each version.
macro_rules! over_both_versions {
    ($($test:ident,)+) => {
        mod over_3_1_1 {
            $(#[test] fn $test() { super::$test(castmq_e2e::Version::V311); })+
        }
        mod over_5_0 {
            $(#[test] fn $test() { super::$test(castmq_e2e::Version::V50); })+
        }
    };
}

mod inside;
mod keepalive;
mod offline;
mod processes;
mod resume;
mod retained;
mod tables;
mod will;
