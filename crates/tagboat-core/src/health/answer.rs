//! A raw HTTP answer. In: bytes as they came. Out: status and body, or why they are none.

use super::{BODY_LIMIT, Probe};

/// Reads a raw HTTP/1.0 answer (RFC 9112 §4, §6.3: to an HTTP/1.0 request a body ends with the connection, or
/// after its Content-Length).
#[must_use]
pub fn read_answer(bytes: &[u8]) -> Probe {
    let none = |why: &str| Probe::None(why.to_owned());
    let Some(split) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return none("its answer is not HTTP");
    };
    let (head, body) = (&bytes[..split], &bytes[split + 4..]);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or("");
    let mut words = status_line.split(' ');
    let protocol = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    let status = words.next().filter(|word| word.len() == 3).and_then(|word| word.parse().ok());
    let (true, Some(status)) = (protocol, status) else { return none("its answer is not HTTP") };
    let header = |wanted: &str| {
        let mut found = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        found
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    if header("transfer-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity")) {
        return none("it answers HTTP/1.0 in chunks, which HTTP/1.0 does not know");
    }
    let body = match header("content-length").map(str::parse::<usize>) {
        None => body,
        Some(Ok(length)) if length <= body.len() => &body[..length],
        Some(Ok(length)) if length > BODY_LIMIT => return none("its answer is larger than 64 KiB"),
        Some(Ok(_)) => return none("its answer ended before its end"),
        Some(Err(_)) => return none("its answer has no sound length"),
    };
    if body.len() > BODY_LIMIT {
        return none("its answer is larger than 64 KiB");
    }
    Probe::Answer { status, body: body.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> Result<(u16, Vec<u8>), String> {
        match read_answer(bytes) {
            Probe::Answer { status, body } => Ok((status, body)),
            Probe::None(why) => Err(why),
        }
    }

    #[test]
    fn a_whole_answer_is_read_with_or_without_its_length() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nhello"), Ok((200, b"hello".to_vec())));
        let counted = b"HTTP/1.1 503 No\r\ncontent-length: 2\r\nX: y\r\n\r\nhello";
        assert_eq!(body(counted), Ok((503, b"he".to_vec())));
        assert_eq!(body(b"HTTP/1.1 200\r\n\r\n"), Ok((200, vec![])));
    }

    #[test]
    fn what_is_cut_endless_or_no_http_is_no_answer() {
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello";
        assert_eq!(body(cut), Err("its answer ended before its end".to_owned()));
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(81_920, b'x');
        assert_eq!(body(&endless), Err("its answer is larger than 64 KiB".to_owned()));
        for rubbish in [
            &b""[..],
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"\xff\xfe\r\n\r\n",
        ] {
            assert_eq!(body(rubbish), Err("its answer is not HTTP".to_owned()), "{rubbish:?}");
        }
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert!(body(chunked).is_err());
    }
}
