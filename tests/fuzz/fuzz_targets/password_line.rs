#![no_main]

use castmq_access::{PasswordFile, PasswordLine};
use libfuzzer_sys::fuzz_target;

// A line that is read is written so that it is read the same; a file as well.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(line) = text.parse::<PasswordLine>() {
        assert_eq!(line.to_string().parse(), Ok(line));
    }
    if let Ok(file) = PasswordFile::parse(text) {
        let text = file.to_text();
        let again = PasswordFile::parse(&text).expect("what was written is read");
        assert_eq!(again.to_text(), text);
    }
});
