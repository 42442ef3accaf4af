//! Base64 (RFC 4648 §4), as ssh writes keys and signatures. In: text or bytes. Out: the other.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Reads padded base64; line ends are passed over.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits, mut digits, mut padding) = (0_u32, 0, 0_usize, 0_usize);
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        let value = u32::try_from(DIGITS.iter().position(|digit| *digit == byte)?).ok()?;
        if padding > 0 {
            return None;
        }
        digits += 1;
        held = (held << 6) | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    let whole = (digits + padding).is_multiple_of(4) && padding <= 2;
    (whole && held == 0).then_some(bytes)
}

/// Writes base64 without padding: the form of ssh's fingerprints.
pub(super) fn encode_unpadded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut block = [0; 4];
        for (place, byte) in block.iter_mut().skip(1).zip(chunk) {
            *place = *byte;
        }
        let block = u32::from_be_bytes(block);
        for digit in 0..=chunk.len() {
            let value = (block >> (18 - 6 * digit)) & 63;
            text.extend(DIGITS.get(value as usize).map(|digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_vectors_of_rfc_4648_hold_both_ways() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in vectors {
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
            assert_eq!(encode_unpadded(plain.as_bytes()), coded.trim_end_matches('='));
        }
        assert_eq!(decode("Zm9v\nYmFy\n").unwrap(), b"foobar");
        for bad in ["Zg", "Zg=", "Z===", "Zh==", "=Zg=", "Zm9v!", "Zm 9v"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
