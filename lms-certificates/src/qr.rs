//! The QR code of the verification URL.

use krilla::geom::{Path, PathBuilder, Rect};
use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::RenderError;

const MAX_URL: usize = 300;

/// A QR code with error correction level M or better.
pub(crate) struct Qr {
    code: QrCode,
}

impl Qr {
    /// Encodes the URL in upper case, which needs fewer and so larger modules.
    ///
    /// # Errors
    /// [`RenderError::BadVerifyUrl`] for anything but an http or https URL in ASCII of at most
    /// 300 characters.
    pub(crate) fn new(url: &str) -> Result<Self, RenderError> {
        let upper = url.to_ascii_uppercase();
        if !is_url(url) || url.len() > MAX_URL {
            return Err(RenderError::BadVerifyUrl);
        }
        let code = QrCode::encode_text(&upper, QrCodeEcc::Medium).map_err(|_| RenderError::BadVerifyUrl)?;
        Ok(Self { code })
    }

    /// The side in points: at least 25 mm, and no module under 0.6 mm.
    pub(crate) fn side(&self) -> f32 {
        const MM: f32 = 72.0 / 25.4;
        (25.5 * MM).max(self.modules() * 0.6 * MM)
    }

    /// The side of one module in points.
    pub(crate) fn module(&self) -> f32 {
        self.side() / self.modules()
    }

    fn modules(&self) -> f32 {
        self.code.size() as f32
    }

    /// The dark modules as one path, the top left of the code at the point given.
    pub(crate) fn path(&self, x: f32, y: f32) -> Option<Path> {
        let module = self.module();
        let mut path = PathBuilder::new();
        for row in 0..self.code.size() {
            let mut column = 0;
            while column < self.code.size() {
                let start = column;
                while self.code.get_module(column, row) {
                    column += 1;
                }
                if column > start {
                    let left = x + start as f32 * module;
                    let width = (column - start) as f32 * module;
                    if let Some(rect) = Rect::from_xywh(left, y + row as f32 * module, width, module) {
                        path.push_rect(rect);
                    }
                } else {
                    column += 1;
                }
            }
        }
        path.finish()
    }
}

/// Whether the text is an http or https URL in printable ASCII.
pub(crate) fn is_url(text: &str) -> bool {
    web_address(text).is_some()
}

/// The text as an http or https URL, written out whole and in printable ASCII.
pub(crate) fn web_address(text: &str) -> Option<url::Url> {
    let upper = text.to_ascii_uppercase();
    // The parser makes up for slashes that are missing, or too many.
    let host = upper.strip_prefix("HTTPS://").or_else(|| upper.strip_prefix("HTTP://"))?;
    let is_whole = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    if !is_whole || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    url::Url::parse(text).ok().filter(url::Url::has_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_qr_is_large_enough_and_of_level_m() {
        let qr = Qr::new("https://verify.example.org/c/7K3M9QX4TB2WZ8RA").unwrap();
        assert_eq!(qr.code.size(), 29);
        // The encoder raises the level where that costs no module.
        assert!(qr.code.error_correction_level() >= QrCodeEcc::Medium);
        assert!(qr.side() >= 25.0 * 72.0 / 25.4);
        let long = Qr::new(&format!("https://example.org/{}", "a".repeat(280))).unwrap();
        assert!(long.module() >= 0.59 * 72.0 / 25.4 && long.side() < 36.0 * 72.0 / 25.4 * 1.2);
    }

    #[test]
    fn c6_other_urls_are_refused() {
        for bad in ["", "ftp://x", "https://exämple.org", "https://a b", "javascript:alert(1)"] {
            assert_eq!(Qr::new(bad).map(|_| ()), Err(RenderError::BadVerifyUrl), "{bad}");
        }
        let long = format!("https://example.org/{}", "a".repeat(281));
        assert_eq!(Qr::new(&long).map(|_| ()), Err(RenderError::BadVerifyUrl));
    }
}
