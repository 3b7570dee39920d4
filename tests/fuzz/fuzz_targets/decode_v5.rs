#![no_main]

use castmq_mqtt::Version;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| castmq_fuzz::decode(Version::V5, data));
