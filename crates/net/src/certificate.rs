//! What is read of certificates: whom they name, and until when they hold.

use std::fmt::Write as _;

use castmq_otp::Certificate;
use x509_parser::asn1_rs::FromDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The attributes that have short names. <https://www.rfc-editor.org/rfc/rfc4514#section-3>, and two that
/// devices often have.
const NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Whom a certificate names; `None` when it cannot be read.
pub(crate) fn subject_of(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = certificate.subject();
    // The last one is the most special one, as OpenSSL has it.
    let common_name = subject.iter_common_name().last();
    Some(Certificate {
        common_name: common_name.map_or_else(String::new, value_of),
        subject: written(subject),
        expires: expiry_in(&certificate),
    })
}

/// Who is named by nothing but a common name.
pub(crate) fn named(common_name: String) -> Certificate {
    let mut subject = "CN=".to_owned();
    escape(&common_name, &mut subject);
    Certificate {
        common_name,
        subject,
        // The proxy does not say.
        expires: None,
    }
}

/// The last moment at which a certificate holds, in seconds since the Unix epoch.
pub(crate) fn expiry_of(der: &[u8]) -> Option<u64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    expiry_in(&certificate)
}

fn expiry_in(certificate: &X509Certificate<'_>) -> Option<u64> {
    u64::try_from(certificate.validity().not_after.timestamp()).ok()
}

/// A name as <https://www.rfc-editor.org/rfc/rfc4514> writes it: the most special part first.
fn written(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            } else if !text.is_empty() {
                text.push(',');
            }
            let oid = attribute.attr_type().to_id_string();
            let short = NAMES.iter().find(|(known, _)| *known == oid);
            text.push_str(short.map_or(&oid, |(_, name)| name));
            text.push('=');
            escape(&value_of(attribute), &mut text);
        }
    }
    text
}

/// The text of a value; of one that is no text its bytes in hexadecimal digits.
fn value_of(attribute: &AttributeTypeAndValue<'_>) -> String {
    attribute.as_str().map_or_else(
        |_| {
            attribute
                .as_slice()
                .iter()
                .fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
        },
        str::to_owned,
    )
}

fn escape(value: &str, into: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let is_special = matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (index == 0 && matches!(character, ' ' | '#'))
            || (index == last && character == ' ');
        if character == '\0' {
            into.push_str("\\00");
            continue;
        }
        if is_special {
            into.push('\\');
        }
        into.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn subject(parts: &[(DnType, &str)]) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        subject_of(params.self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn the_most_special_part_of_a_subject_is_written_first() {
        let found = subject(&[
            (DnType::OrganizationName, "Plant"),
            (DnType::CommonName, "c1"),
        ]);
        assert_eq!(found.common_name, "c1");
        assert_eq!(found.subject, "CN=c1,O=Plant");
    }

    #[test]
    fn a_name_cannot_pretend_to_be_two() {
        let found = subject(&[(DnType::CommonName, "c1,O=Plant")]);
        assert_eq!(found.common_name, "c1,O=Plant");
        assert_eq!(found.subject, "CN=c1\\,O=Plant");
    }

    #[test]
    fn a_subject_without_a_common_name_has_an_empty_one() {
        let found = subject(&[(DnType::OrganizationName, "Plant")]);
        assert_eq!(found.common_name, "");
        assert_eq!(found.subject, "O=Plant");
    }
}
