//! What a reader of the page sees: the pages are drawn by another program's PDF renderer and looked at as pictures.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use chrono::{DateTime, NaiveDate};
use hayro::hayro_syntax::Pdf;
use hayro::{RenderSettings, hayro_interpret::InterpreterSettings, render_pdf};
use lms_certificates::{CertificateFacts, FontSource, Fonts, PageSize, RenderError, TemplateVersion, render};

fn facts(name: &str) -> CertificateFacts {
    CertificateFacts {
        certificate_id: uuid::Uuid::from_u128(7),
        revision: 1,
        student_name: name.into(),
        course_title: "Foundations of Functional Programming".into(),
        instructor_name: Some("Dr Grace Hopper".into()),
        completed_on: NaiveDate::from_ymd_opt(2026, 3, 14),
        issued_at: DateTime::from_timestamp(1_773_480_413, 0).unwrap(),
        issued_on: NaiveDate::from_ymd_opt(2026, 3, 14).unwrap(),
        expires_on: None,
        score_percent: Some("92.5".into()),
        hours: Some("1.5".into()),
        code: "7K3M-9QX4-TB2W-Z8RA".into(),
        verify_url: Some("https://verify.example.org/c/7K3M9QX4TB2WZ8RA".into()),
        language: "en".into(),
    }
}

fn template(page: PageSize) -> TemplateVersion {
    TemplateVersion { issuer_name: "Example Academy".into(), page, ..TemplateVersion::built_in() }
}

/// A page in shades of grey.
struct Picture {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Picture {
    /// The only page of a PDF at 200 dots per inch.
    fn of(pdf: Vec<u8>) -> Self {
        let pdf = Pdf::new(pdf).unwrap();
        assert_eq!(pdf.pages().len(), 1);
        let settings = RenderSettings::default();
        let pages = render_pdf(&pdf, 200.0 / 72.0, InterpreterSettings::default(), &settings, None);
        let page = pages.unwrap().remove(0);
        let (width, height) = (usize::from(page.width()), usize::from(page.height()));
        let shade = |pixel: &[u8]| u8::try_from(pixel.iter().take(3).map(|c| u32::from(*c)).sum::<u32>() / 3).unwrap();
        Self { width, height, grey: page.data_as_u8_slice().chunks_exact(4).map(shade).collect() }
    }

    /// What the QR codes on the page say.
    fn codes(&self) -> Vec<String> {
        let at = |x: usize, y: usize| self.grey.get(y * self.width + x).copied().unwrap_or(255);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.width, self.height, at);
        image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
    }

    /// How many points differ from another page.
    fn differs(&self, other: &Self) -> usize {
        assert_eq!((self.width, self.height), (other.width, other.height));
        self.grey.iter().zip(&other.grey).filter(|(one, two)| one.abs_diff(**two) > 64).count()
    }
}

/// rules: C6
#[test]
fn c6_the_qr_code_on_the_page_leads_to_the_verification() {
    let long = format!("https://verify.example.org/{}/?code=7K3M9QX4TB2WZ8RA", "a".repeat(200));
    let short = "https://verify.example.org/c/7K3M9QX4TB2WZ8RA".to_owned();
    for page in [PageSize::A4, PageSize::Letter] {
        for url in [&short, &long] {
            let facts = CertificateFacts { verify_url: Some(url.clone()), ..facts("Ada Lovelace") };
            let picture = Picture::of(render(&facts, &template(page), &Fonts::built_in()).unwrap());
            assert_eq!(picture.codes(), [url.to_ascii_uppercase()], "{page:?}");
        }
    }
    let none = CertificateFacts { verify_url: None, ..facts("Ada Lovelace") };
    let picture = Picture::of(render(&none, &template(PageSize::A4), &Fonts::built_in()).unwrap());
    assert!(picture.codes().is_empty());
}

/// A name that no font has says which characters, and is drawn once the host adds a font.
/// rules: C6
#[test]
fn c6_a_host_adds_a_font_for_a_script() {
    let fonts = Fonts::built_in();
    let draw = |name: &str, fonts: &Fonts| render(&facts(name), &template(PageSize::A4), fonts);
    let hebrew = FontSource::new(font_test_data::NOTOSERIFHEBREW_AUTOHINT_METRICS.to_vec(), "Noto Serif Hebrew", 0);
    let chinese = FontSource::new(font_test_data::NOTOSERIFTC_AUTOHINT_METRICS.to_vec(), "Noto Serif TC", 0);
    let more = Fonts::built_in().with(hebrew).unwrap().with(chinese.for_language("zh")).unwrap();
    let blank = Picture::of(draw(".", &more).unwrap());
    for (name, missing) in [
        ("כהן", vec!['ה', 'ך', 'כ', 'ן']),
        ("都明", vec!['明', '都']),
        ("Ada כהן", vec!['ה', 'כ', 'ן']),
        ("都 Ada 明", vec!['明', '都']),
    ] {
        let missing = missing.into_iter().filter(|c| name.contains(*c)).collect();
        assert_eq!(draw(name, &fonts), Err(RenderError::MissingGlyphs { chars: missing }), "{name}");
        let picture = Picture::of(draw(name, &more).unwrap());
        assert!(picture.differs(&blank) > 300, "{name} cannot be seen");
    }
    // What a font lacks of its own script is said as well.
    assert_eq!(draw("כהן ש", &more), Err(RenderError::MissingGlyphs { chars: vec!['ש'] }));
    for (name, missing) in [
        ("محمد", "حدم"),
        ("कमल", "कमल"),
        ("নদী", "দনী"),
        ("தமிழ்", "தமழி்"),
        ("สมชาย", "ชมยสา"),
        ("김민", "김민"),
        ("さくら", "くさら"),
    ] {
        assert_eq!(draw(name, &more), Err(RenderError::MissingGlyphs { chars: missing.chars().collect() }), "{name}");
    }
}

/// A mark that stands apart from its letter is drawn as the letter that has it, and marks without such a letter stand
/// above theirs.
/// rules: C6
#[test]
fn c6_marks_are_drawn_with_their_letters() {
    let draw = |name: &str| Picture::of(render(&facts(name), &template(PageSize::A4), &Fonts::built_in()).unwrap());
    assert_eq!(draw("Zoe\u{308} Nguye\u{302}\u{303}n").differs(&draw("Zoë Nguyễn")), 0);
    let (plain, marked) = (draw("x"), draw("x\u{30C}"));
    // The letter stays where it is; the mark adds a little ink above it.
    let differs = plain.differs(&marked);
    assert!((10..2_000).contains(&differs), "{differs} points");
    assert_eq!(plain.codes(), marked.codes());
}
