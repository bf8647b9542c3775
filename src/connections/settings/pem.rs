//! Pasted certificates and keys, judged by their shape: whether a server accepts them is for the probe to
//! find out, but a file name or half a certificate is told at once.

/// What is wrong with a pasted PEM text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PemError {
    #[error("File paths are not taken. Paste the text, from BEGIN to END.")]
    Path,
    #[error("This is no PEM text. Paste it whole, with its BEGIN and END lines.")]
    Shape,
    #[error("There is no certificate in it. Paste the text with BEGIN CERTIFICATE.")]
    NoCertificate,
    #[error("There is no private key in it. Paste the text with BEGIN PRIVATE KEY.")]
    NoKey,
    #[error("The key is encrypted with a passphrase. Decrypt it first, and paste the decrypted key.")]
    Encrypted,
    #[error("It is longer than 65,536 characters.")]
    TooLong,
}

/// More than any chain of certificates needs.
const LONGEST: usize = 65_536;

/// One or more certificates, with line ends made plain and text between the blocks dropped.
pub(super) fn certificates(text: &str) -> Result<String, PemError> {
    let blocks = blocks(text)?;
    if blocks.is_empty() || blocks.iter().any(|block| block.label != "CERTIFICATE") {
        return Err(PemError::NoCertificate);
    }
    Ok(blocks.into_iter().map(|block| block.text).collect())
}

/// One private key; other blocks in the same file (`EC PARAMETERS`) are dropped.
pub(super) fn private_key(text: &str) -> Result<String, PemError> {
    let blocks = blocks(text)?;
    if blocks
        .iter()
        .any(|block| block.label == "ENCRYPTED PRIVATE KEY" || block.text.contains("Proc-Type: 4,ENCRYPTED"))
    {
        return Err(PemError::Encrypted);
    }
    let mut keys = blocks.into_iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key.text),
        _ => Err(PemError::NoKey),
    }
}

struct Block {
    label: String,
    text: String,
}

fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    if text.len() > LONGEST {
        return Err(PemError::TooLong);
    }
    // From an environment file the line ends come as the two characters `\n`.
    let text = if text.contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") };
    if !text.contains("-----BEGIN ") {
        let is_path = !text.trim().contains('\n') && (text.contains('/') || text.contains('\\') || text.contains('.'));
        return Err(if is_path { PemError::Path } else { PemError::Shape });
    }
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines().map(str::trim) {
        let label = |start: &str| line.strip_prefix(start).and_then(|rest| rest.strip_suffix("-----"));
        match (&mut open, label("-----BEGIN "), label("-----END ")) {
            (None, Some(begun), _) => open = Some(Block { label: begun.to_owned(), text: format!("{line}\n") }),
            (Some(block), None, Some(ended)) if block.label == ended && block.text.lines().count() > 1 => {
                block.text.push_str(line);
                block.text.push('\n');
                blocks.extend(open.take());
            }
            (Some(block), None, None) => {
                let header = line.is_empty() || line.contains(": ");
                if !header && !line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) {
                    return Err(PemError::Shape);
                }
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None, None) => {}
            _ => return Err(PemError::Shape),
        }
    }
    if open.is_some() { Err(PemError::Shape) } else { Ok(blocks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB+/9=\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";

    #[test]
    fn certificates_come_in_many_dresses() {
        let twice = format!("{CERTIFICATE}{CERTIFICATE}");
        let cases = [
            (CERTIFICATE.to_owned(), CERTIFICATE.to_owned()),
            (format!("subject=CN = x\n{CERTIFICATE}\n\n{CERTIFICATE}"), twice),
            (CERTIFICATE.replace('\n', "\r\n"), CERTIFICATE.to_owned()),
            (CERTIFICATE.replace('\n', "\\n"), CERTIFICATE.to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(certificates(&text), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(certificates("/etc/ssl/ca.pem"), Err(PemError::Path));
        assert_eq!(certificates("hello"), Err(PemError::Shape));
        assert_eq!(certificates("-----BEGIN CERTIFICATE-----\nMIIB"), Err(PemError::Shape));
        assert_eq!(certificates("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), Err(PemError::Shape));
        assert_eq!(certificates("-----BEGIN CERTIFICATE-----\n<b>\n-----END CERTIFICATE-----"), Err(PemError::Shape));
        assert_eq!(certificates(KEY), Err(PemError::NoCertificate));
        assert_eq!(certificates(&"x".repeat(LONGEST + 1)), Err(PemError::TooLong));
        assert_eq!(private_key(CERTIFICATE), Err(PemError::NoKey));
        assert_eq!(
            private_key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----"),
            Err(PemError::Encrypted)
        );
        assert_eq!(
            private_key(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----"
            ),
            Err(PemError::Encrypted)
        );
    }

    #[test]
    fn a_key_is_found_beside_its_parameters() {
        let text = format!("-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n{KEY}");
        assert_eq!(private_key(&text), Ok(KEY.to_owned()));
    }
}
