//! Colours, in whole numbers only, so that no platform rounds differently.

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) r: u8,
    pub(crate) g: u8,
    pub(crate) b: u8,
}

/// Warm black of the main text.
pub(crate) const INK: Colour = Colour { r: 0x1f, g: 0x1c, b: 0x18 };
/// Warm grey of secondary text.
pub(crate) const SOFT: Colour = Colour { r: 0x57, g: 0x50, b: 0x48 };
/// Paper.
pub(crate) const WHITE: Colour = Colour { r: 255, g: 255, b: 255 };
/// The modules of the QR code.
pub(crate) const BLACK: Colour = Colour { r: 0, g: 0, b: 0 };

impl Colour {
    /// Reads `#rrggbb`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix('#')?;
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(hex, 16).ok()?;
        let [_, r, g, b] = value.to_be_bytes();
        Some(Self { r, g, b })
    }

    /// This colour mixed with another, `percent` (0 to 100) of the way towards it.
    pub(crate) fn mix(self, other: Self, percent: u8) -> Self {
        let p = u32::from(percent.min(100));
        let channel = |a: u8, b: u8| {
            let value = (u32::from(a) * (100 - p) + u32::from(b) * p + 50) / 100;
            u8::try_from(value).unwrap_or(u8::MAX)
        };
        Self { r: channel(self.r, other.r), g: channel(self.g, other.g), b: channel(self.b, other.b) }
    }

    /// A tint on white paper: 100 is the colour itself, 0 is white.
    pub(crate) fn tint(self, percent: u8) -> Self {
        WHITE.mix(self, percent)
    }

    fn brightness(self) -> u32 {
        (u32::from(self.r) * 299 + u32::from(self.g) * 587 + u32::from(self.b) * 114) / 1000
    }

    /// The colour, darkened until text in it is easy to read on white.
    pub(crate) fn readable(self) -> Self {
        let mut colour = self;
        while colour.brightness() > 105 {
            colour = colour.mix(BLACK, 12);
        }
        colour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_colours_are_six_hex_digits() {
        assert_eq!(Colour::parse("#1f3B63"), Some(Colour { r: 0x1f, g: 0x3b, b: 0x63 }));
        for bad in ["1f3b63", "#1f3b6", "#1f3b631", "#1f3b6g", "#+f3b63", "", "#ééé"] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn c7_a_light_accent_stays_readable() {
        assert!(WHITE.readable().brightness() <= 105);
        let navy = Colour { r: 0x1f, g: 0x3b, b: 0x63 };
        assert_eq!(navy.readable(), navy);
    }
}
