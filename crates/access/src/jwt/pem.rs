//! Public keys out of PEM.

use rustls_pki_types::pem::{PemObject, SectionKind};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::algorithm::Material;
use super::keys::{Key, KeyError};

pub(super) fn keys(text: &str) -> Result<Vec<Key>, KeyError> {
    let mut keys = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| KeyError::NoKey)?;
        if matches!(
            kind,
            SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey
        ) {
            return Err(KeyError::PrivateKey);
        }
        let is_certificate = matches!(kind, SectionKind::Certificate);
        let material = if is_certificate {
            certified(&der)
        } else {
            bare(&der)
        };
        keys.push(Key::of(material.ok_or(KeyError::NoKey)?));
    }
    if keys.is_empty() {
        return Err(KeyError::NoKey);
    }
    Ok(keys)
}

fn bare(der: &[u8]) -> Option<Material> {
    let (rest, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
    rest.is_empty().then(|| material(&info)).flatten()
}

fn certified(der: &[u8]) -> Option<Material> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    material(certificate.public_key())
}

fn material(info: &SubjectPublicKeyInfo<'_>) -> Option<Material> {
    let kind = &info.algorithm.algorithm;
    let point = || info.subject_public_key.data.to_vec();
    if *kind == OID_PKCS1_RSAENCRYPTION {
        let PublicKey::RSA(key) = info.parsed().ok()? else {
            return None;
        };
        return Some(Material::Rsa {
            n: without_zeros(key.modulus),
            e: without_zeros(key.exponent),
        });
    }
    if *kind == OID_SIG_ED25519 {
        return Some(Material::Ed25519(point()));
    }
    if *kind != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return None;
    }
    let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
    if curve == OID_EC_P256 {
        return Some(Material::P256(point()));
    }
    (curve == OID_NIST_EC_P384).then(|| Material::P384(point()))
}

/// A big-endian number as ring wants it.
pub(super) fn without_zeros(number: &[u8]) -> Vec<u8> {
    number
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect()
}
