//! Frame, rosette, divider and seal. All curves come from sums and products of constants, never
//! from the sine of a platform, so that every machine draws the same bytes.

use krilla::geom::{Path, PathBuilder, Rect};

use crate::colour::{Colour, WHITE};
use crate::scene::Draw;

/// Steps of a full turn.
const STEPS: usize = 720;
const COS_STEP: f64 = 0.999_961_923_064_171_3;
const SIN_STEP: f64 = 0.008_726_535_498_373_935;

/// Cosine and sine of every half degree.
struct Circle([(f64, f64); STEPS]);

static CIRCLE: Circle = Circle::new();

impl Circle {
    #[expect(clippy::indexing_slicing, reason = "the index stays below the length of the array")]
    const fn new() -> Self {
        let mut table = [(1.0, 0.0); STEPS];
        let mut i = 1;
        while i < STEPS {
            let (c, s) = table[i - 1];
            table[i] = (c * COS_STEP - s * SIN_STEP, s * COS_STEP + c * SIN_STEP);
            i += 1;
        }
        Self(table)
    }

    /// The unit vector of a number of half degrees, clockwise from the right on the page.
    fn at(&self, step: usize) -> (f32, f32) {
        let (c, s) = self.0.get(step % STEPS).copied().unwrap_or((1.0, 0.0));
        (c as f32, s as f32)
    }
}

fn polar(centre: (f32, f32), radius: f32, step: usize) -> (f32, f32) {
    let (c, s) = CIRCLE.at(step);
    (round(centre.0 + radius * c), round(centre.1 + radius * s))
}

/// To a hundredth of a point: finer is invisible and only makes the file larger.
fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

fn build(draw: impl FnOnce(&mut PathBuilder)) -> Option<Path> {
    let mut path = PathBuilder::new();
    draw(&mut path);
    path.finish()
}

fn fill(out: &mut Vec<Draw>, path: Option<Path>, colour: Colour) {
    out.extend(path.map(|path| Draw::Fill(path, colour)));
}

fn stroke(out: &mut Vec<Draw>, path: Option<Path>, colour: Colour, width: f32) {
    out.extend(path.map(|path| Draw::Stroke(path, colour, width)));
}

/// A rectangle as a path.
pub(crate) fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Option<Path> {
    let rect = Rect::from_xywh(x, y, width, height)?;
    build(|path| path.push_rect(rect))
}

/// A straight line as a path.
pub(crate) fn line(x1: f32, y1: f32, x2: f32, y2: f32) -> Option<Path> {
    build(|path| {
        path.move_to(x1, y1);
        path.line_to(x2, y2);
    })
}

fn circle(centre: (f32, f32), radius: f32) -> Option<Path> {
    const KAPPA: f32 = 0.552_285;
    let (x, y) = centre;
    let k = radius * KAPPA;
    build(|path| {
        path.move_to(x + radius, y);
        path.cubic_to(x + radius, y + k, x + k, y + radius, x, y + radius);
        path.cubic_to(x - k, y + radius, x - radius, y + k, x - radius, y);
        path.cubic_to(x - radius, y - k, x - k, y - radius, x, y - radius);
        path.cubic_to(x + k, y - radius, x + radius, y - k, x + radius, y);
        path.close();
    })
}

fn diamond(centre: (f32, f32), half_width: f32, half_height: f32) -> Option<Path> {
    let (x, y) = centre;
    build(|path| {
        path.move_to(x - half_width, y);
        path.line_to(x, y - half_height);
        path.line_to(x + half_width, y);
        path.line_to(x, y + half_height);
        path.close();
    })
}

/// A closed line whose radius swings between `inner` and `outer`, `petals` times in a turn.
fn flower(centre: (f32, f32), inner: f32, outer: f32, petals: usize, phase: usize, stride: usize) -> Option<Path> {
    let (middle, swing) = ((inner + outer) / 2.0, (outer - inner) / 2.0);
    let point = |step: usize| {
        let (wave, _) = CIRCLE.at(step * petals + phase);
        polar(centre, middle + swing * wave, step)
    };
    // The points steer curves that meet half-way between them, so that no corner shows.
    let half_way = |step: usize| {
        let ((ax, ay), (bx, by)) = (point(step), point(step + stride));
        (round((ax + bx) / 2.0), round((ay + by) / 2.0))
    };
    build(|path| {
        let (x, y) = half_way(0);
        path.move_to(x, y);
        for step in (stride..=STEPS).step_by(stride) {
            let ((cx, cy), (x, y)) = (point(step), half_way(step));
            path.quad_to(cx, cy, x, y);
        }
        path.close();
    })
}

/// The distance of the frame's inner rule from the edge of the paper.
pub(crate) const FRAME: f32 = 47.0;

/// The frame: fine rules around a band of interlaced waves, a flower in each corner.
pub(crate) fn frame(width: f32, height: f32, accent: Colour) -> Vec<Draw> {
    const OUTER: f32 = 24.0;
    const BAND: f32 = 14.0;
    let mut out = Vec::new();
    let inset = |d: f32| rectangle(d, d, width - 2.0 * d, height - 2.0 * d);
    let middle = OUTER + BAND / 2.0;
    let corner = BAND / 2.0 + 2.5;
    for (amplitude, tint, thickness) in [(5.4, 50, 0.45), (3.4, 70, 0.4), (1.4, 50, 0.35)] {
        let path = build(|path| {
            for sign in [1.0, -1.0] {
                let a = amplitude * sign;
                wave(path, (middle + corner, middle), (width - middle - corner, middle), a);
                wave(path, (middle + corner, height - middle), (width - middle - corner, height - middle), a);
                wave(path, (middle, middle + corner), (middle, height - middle - corner), a);
                wave(path, (width - middle, middle + corner), (width - middle, height - middle - corner), a);
            }
        });
        stroke(&mut out, path, accent.tint(tint), thickness);
    }
    stroke(&mut out, inset(OUTER - 1.0), accent, 1.1);
    stroke(&mut out, inset(OUTER + BAND + 1.0), accent, 0.5);
    stroke(&mut out, inset(FRAME - 4.5), accent.tint(85), 1.4);
    stroke(&mut out, inset(FRAME - 1.6), accent.tint(60), 0.4);
    for (x, y) in
        [(middle, middle), (width - middle, middle), (middle, height - middle), (width - middle, height - middle)]
    {
        fill(&mut out, rectangle(x - 8.0, y - 8.0, 16.0, 16.0), WHITE);
        stroke(&mut out, rectangle(x - 8.0, y - 8.0, 16.0, 16.0), accent, 0.6);
        fill(&mut out, flower((x, y), 3.4, 6.4, 8, 0, 10), accent);
        fill(&mut out, circle((x, y), 1.9), WHITE);
        fill(&mut out, diamond((x, y), 1.1, 1.1), accent);
    }
    out
}

/// A wave from one point to another along an axis: whole waves of about 16 points, each half a
/// single curve.
fn wave(path: &mut PathBuilder, from: (f32, f32), to: (f32, f32), amplitude: f32) {
    // Control points of the curve nearest to half a wave, from one crossing to the next.
    const ALONG: f32 = 0.424_4;
    const ACROSS: f32 = 4.0 / 3.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.abs() + dy.abs();
    let halves = ((length / 16.0).round().max(1.0) as usize) * 2;
    let (hx, hy) = (dx / halves as f32, dy / halves as f32);
    // Across the axis; the frame has only upright and level sides.
    let (ax, ay) = if dy == 0.0 { (0.0, amplitude) } else { (amplitude, 0.0) };
    let point = |t: f32, side: f32| (round(from.0 + hx * t + ax * side), round(from.1 + hy * t + ay * side));
    let (x, y) = point(0.0, 0.0);
    path.move_to(x, y);
    let mut side = ACROSS;
    for i in 0..halves {
        let t = i as f32;
        let (x1, y1) = point(t + ALONG, side);
        let (x2, y2) = point(t + 1.0 - ALONG, side);
        let (x3, y3) = point(t + 1.0, 0.0);
        path.cubic_to(x1, y1, x2, y2, x3, y3);
        side = -side;
    }
}

/// A large, very pale rosette behind the text.
pub(crate) fn watermark(centre: (f32, f32), radius: f32, accent: Colour) -> Vec<Draw> {
    let mut out = Vec::new();
    let colour = accent.tint(9);
    for phase in [0, 180, 360, 540] {
        stroke(&mut out, flower(centre, radius * 0.62, radius, 18, phase, 5), colour, 0.5);
        stroke(&mut out, flower(centre, radius * 0.30, radius * 0.66, 12, phase, 6), colour, 0.5);
    }
    out
}

/// A short ornament between headline and text.
pub(crate) fn divider(centre: (f32, f32), half_width: f32, accent: Colour) -> Vec<Draw> {
    let (x, y) = centre;
    let mut out = Vec::new();
    for side in [-1.0, 1.0] {
        // A rule that tapers to a point.
        let path = build(|path| {
            path.move_to(x + side * 12.0, y - 0.55);
            path.line_to(x + side * half_width, y);
            path.line_to(x + side * 12.0, y + 0.55);
            path.close();
        });
        fill(&mut out, path, accent);
        fill(&mut out, diamond((x + side * 9.0, y), 1.5, 1.5), accent.tint(70));
    }
    fill(&mut out, diamond((x, y), 4.2, 4.2), accent);
    fill(&mut out, diamond((x, y), 1.6, 1.6), WHITE);
    out
}

/// The seal: ribbons, a scalloped disc with engraved rings, and a star in a laurel wreath.
pub(crate) fn seal(centre: (f32, f32), radius: f32, accent: Colour) -> Vec<Draw> {
    let mut out = Vec::new();
    let (x, y) = centre;
    let r = radius;
    for side in [-1.0, 1.0] {
        let path = build(|path| {
            path.move_to(x + side * r * 0.10, y + r * 0.55);
            path.line_to(x + side * r * 0.34, y + r * 1.46);
            path.line_to(x + side * r * 0.55, y + r * 1.25);
            path.line_to(x + side * r * 0.83, y + r * 1.36);
            path.line_to(x + side * r * 0.62, y + r * 0.45);
            path.close();
        });
        fill(&mut out, path, accent.mix(WHITE, 22));
    }
    fill(&mut out, scallops(centre, r, 40), WHITE);
    fill(&mut out, scallops(centre, r * 0.975, 40), accent);
    stroke(&mut out, circle(centre, r * 0.87), accent.tint(25), 0.7);
    for phase in [0, 240, 480] {
        stroke(&mut out, flower(centre, r * 0.70, r * 0.84, 30, phase, 3), accent.tint(45), 0.35);
    }
    stroke(&mut out, circle(centre, r * 0.67), accent.tint(25), 0.7);
    fill(&mut out, circle(centre, r * 0.635), accent.mix(crate::colour::BLACK, 12));
    for leaf in 0..7 {
        // From the foot of the wreath upwards, on either side.
        let step = 200 + leaf * 34;
        for mirrored in [false, true] {
            for outward in [true, false] {
                fill(&mut out, laurel_leaf(centre, r * 0.47, step, mirrored, outward), WHITE);
            }
        }
    }
    fill(&mut out, star((x, y - r * 0.01), r * 0.23), WHITE);
    out
}

fn scallops(centre: (f32, f32), radius: f32, count: usize) -> Option<Path> {
    let step = STEPS / count;
    build(|path| {
        let (x, y) = polar(centre, radius * 0.94, 0);
        path.move_to(x, y);
        for i in 0..count {
            let (cx, cy) = polar(centre, radius * 1.03, i * step + step / 2);
            let (x, y) = polar(centre, radius * 0.94, (i + 1) * step);
            path.quad_to(cx, cy, x, y);
        }
        path.close();
    })
}

/// One leaf of the wreath. `step` counts clockwise from the right, so 180 is straight down.
fn laurel_leaf(centre: (f32, f32), radius: f32, step: usize, mirrored: bool, outward: bool) -> Option<Path> {
    let place = |radius: f32, step: usize| {
        let (px, py) = polar((0.0, 0.0), radius, step);
        (centre.0 + if mirrored { -px } else { px }, centre.1 + py)
    };
    let (tip_radius, belly) = if outward { (1.27, 1.17) } else { (0.78, 0.84) };
    let base = place(radius, step);
    let tip = place(radius * tip_radius, step + 40);
    let outer = place(radius * belly, step + 8);
    let inner = place(radius * if outward { 1.06 } else { 0.98 }, step + 34);
    build(|path| {
        path.move_to(base.0, base.1);
        path.quad_to(outer.0, outer.1, tip.0, tip.1);
        path.quad_to(inner.0, inner.1, base.0, base.1);
        path.close();
    })
}

fn star(centre: (f32, f32), radius: f32) -> Option<Path> {
    build(|path| {
        for i in 0..10 {
            let r = if i % 2 == 0 { radius } else { radius * 0.4 };
            let (x, y) = polar(centre, r, 540 + i * 72);
            if i == 0 {
                path.move_to(x, y);
            } else {
                path.line_to(x, y);
            }
        }
        path.close();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_the_table_is_a_circle() {
        for (step, expected) in [(0, (1.0, 0.0)), (180, (0.0, 1.0)), (360, (-1.0, 0.0)), (540, (0.0, -1.0))] {
            let (c, s) = CIRCLE.at(step);
            let (ec, es): (f32, f32) = expected;
            assert!((c - ec).abs() < 1e-6 && (s - es).abs() < 1e-6, "{step}: {c} {s}");
        }
        assert_eq!(CIRCLE.at(STEPS), CIRCLE.at(0));
    }
}
