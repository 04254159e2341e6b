//! The images of a template, decoded and checked before anything is drawn.

use krilla::image::Image;

use crate::error::RenderError;

/// The longest side and the most pixels of an image.
const MAX_SIDE: u32 = 4096;
const MAX_PIXELS: u64 = 8_000_000;

/// Decodes a PNG.
///
/// # Errors
/// [`RenderError::BadImage`] when the bytes are no PNG, or one with too many pixels.
pub(crate) fn decode(which: &'static str, bytes: &[u8]) -> Result<Image, RenderError> {
    let bad = |reason: String| RenderError::BadImage { which, reason };
    let mut decoder =
        png::Decoder::new_with_limits(std::io::Cursor::new(bytes), png::Limits { bytes: 64 * 1024 * 1024 });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| bad(error.to_string()))?;
    let (width, height) = reader.info().size();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(bad(format!("{width} × {height} pixels, at most {MAX_SIDE} on a side and {MAX_PIXELS} in all")));
    }
    if width == 0 || height == 0 {
        return Err(bad("it has no pixels".into()));
    }
    let size = reader.output_buffer_size().ok_or_else(|| bad("it is too large".into()))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| bad(error.to_string()))?;
    pixels.truncate(frame.buffer_size());
    let rgba: Vec<u8> = match frame.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::Rgb => {
            pixels.chunks_exact(3).flat_map(|p| p.iter().copied().chain(std::iter::once(u8::MAX))).collect()
        }
        png::ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey, *grey, *grey, u8::MAX]).collect(),
        png::ColorType::GrayscaleAlpha => pixels
            .chunks_exact(2)
            .filter_map(|p| match p {
                [grey, alpha] => Some([*grey, *grey, *grey, *alpha]),
                _ => None,
            })
            .flatten()
            .collect(),
        png::ColorType::Indexed => return Err(bad("its palette could not be read".into())),
    };
    if rgba.len() as u64 != u64::from(width) * u64::from(height) * 4 {
        return Err(bad("it has too few pixels".into()));
    }
    Ok(Image::from_rgba8(rgba, width, height))
}

/// The size in points that fits into a box without distortion.
pub(crate) fn fit(image: &Image, max_width: f32, max_height: f32) -> (f32, f32) {
    let (width, height) = image.size();
    let (width, height) = (width as f32, height as f32);
    let scale = (max_width / width).min(max_height / height);
    (width * scale, height * scale)
}
