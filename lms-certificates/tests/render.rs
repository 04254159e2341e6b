//! What a host may rely on: the same bytes every time, and typed errors instead of bad pages.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use chrono::{DateTime, NaiveDate, Utc};
use lms_certificates::{
    CertificateFacts, FontSource, Fonts, PageSize, RENDERER_VERSION, RenderError, TemplateError, TemplateVersion,
    render,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_773_480_413, 0).unwrap()
}

fn facts(name: &str) -> CertificateFacts {
    CertificateFacts {
        certificate_id: uuid::Uuid::from_u128(0x0190_b5c2_7e6a_7000_8000_0000_0000_0001),
        revision: 1,
        student_name: name.into(),
        course_title: "Foundations of Functional Programming".into(),
        instructor_name: Some("Dr Grace Hopper".into()),
        completed_on: Some(at().date_naive()),
        issued_at: at(),
        issued_on: at().date_naive(),
        expires_on: None,
        score_percent: Some("92.5".into()),
        hours: Some("24".into()),
        code: "7K3M-9QX4-TB2W-Z8RA".into(),
        verify_url: Some("https://verify.example.org/c/7K3M9QX4TB2WZ8RA".into()),
        language: "en".into(),
    }
}

fn template() -> TemplateVersion {
    TemplateVersion {
        issuer_name: "Example Academy".into(),
        issuer_url: Some("https://academy.example.org".into()),
        logo: Some(png(8, 8)),
        signature: Some(png(30, 10)),
        signatory_name: Some("Prof. Emmy Noether".into()),
        signatory_title: Some("Dean of Studies".into()),
        ..TemplateVersion::built_in()
    }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    let pixels: Vec<u8> = (0..width * height * 2).map(|i| (i * 37 % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}

fn render_fresh(name: &str) -> Result<Vec<u8>, RenderError> {
    render(&facts(name), &template(), &Fonts::built_in())
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All samples, one hash: other scripts through a host font, both papers, every language.
fn hash_of_samples() -> String {
    let host = include_bytes!("../fonts/NotoSerif-Regular.ttf").to_vec();
    let fonts = Fonts::built_in().with(FontSource::new(host, "Host Serif", 1)).unwrap();
    let mut all = Vec::new();
    for name in ["Ada Lovelace", "Żółcisława Gżegżółka", "Nguyễn Thị Thảo", "Ἀριστοτέλης", "Софія"]
    {
        for language in ["en", "de", "fr", "es", "ja"] {
            let template = TemplateVersion {
                page: if language == "fr" { PageSize::Letter } else { PageSize::A4 },
                ..TemplateVersion::built_in_for(language)
            };
            all.extend(render(&facts(name), &template, &fonts).unwrap());
        }
    }
    all.extend(render_fresh("Ada Lovelace").unwrap());
    hash(&all)
}

#[test]
fn c6_same_bytes_from_fresh_contexts() {
    assert_eq!(render_fresh("Ada Lovelace"), render_fresh("Ada Lovelace"));
    assert_ne!(render_fresh("Ada Lovelace"), render_fresh("Ada Lovelaca"));
}

#[test]
fn c6_same_bytes_in_another_process() {
    const MARK: &str = "hash of samples: ";
    if std::env::var_os("CERTIFICATES_CHILD").is_some() {
        println!("\n{MARK}{}", hash_of_samples());
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["c6_same_bytes_in_another_process", "--exact", "--nocapture"])
        .env("CERTIFICATES_CHILD", "1")
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "tr_TR.UTF-8")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs = output.lines().find_map(|line| line.strip_prefix(MARK)).unwrap();
    assert_eq!(theirs, hash_of_samples());
}

/// When this fails, either the drawing has changed on purpose (raise `RENDERER_VERSION` and note
/// the new hash), or a dependency writes other bytes (another deflate backend, for instance).
#[test]
fn c6_bytes_belong_to_the_renderer_version() {
    let pinned = (2, "4c184ad54083659d78ecca0bf33f56002c83c3f69a8c0009278f8466be073171");
    assert_eq!((RENDERER_VERSION, hash_of_samples().as_str()), pinned);
}

#[test]
fn c6_every_sample_is_a_whole_pdf() {
    for page in [PageSize::A4, PageSize::Letter] {
        for bare in [false, true] {
            let mut facts = facts("Zoë Ångström");
            if bare {
                facts.instructor_name = None;
                facts.completed_on = None;
                facts.score_percent = None;
                facts.hours = None;
                facts.verify_url = None;
                facts.expires_on = Some(at().date_naive());
                facts.revision = 2;
            }
            let template = TemplateVersion { page, ..template() };
            let pdf = render(&facts, &template, &Fonts::built_in()).unwrap();
            assert!(pdf.starts_with(b"%PDF-1."));
            assert!(pdf.trim_ascii_end().ends_with(b"%%EOF"));
            let tail = String::from_utf8_lossy(&pdf[pdf.len() - 400..]).into_owned();
            assert!(tail.contains("startxref"), "{tail}");
        }
    }
}

#[test]
fn c6_the_file_says_what_it_is() {
    let pdf = render_fresh("Ada Lovelace").unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.contains("/Lang(en)") || text.contains("/Lang (en)"));
    assert!(text.contains("D:20260314092653"));
    assert!(text.contains("/StructTreeRoot"));
    assert!(text.contains("Certificate of Completion: Foundations of Functional Programming"));
}

#[test]
fn c6_missing_glyphs_are_named_before_anything_is_drawn() {
    assert_eq!(render_fresh("محمد"), Err(RenderError::MissingGlyphs { chars: vec!['ح', 'د', 'م'] }));
    assert_eq!(render_fresh("Ada 🎓"), Err(RenderError::MissingGlyphs { chars: vec!['🎓'] }));
    assert_eq!(render_fresh("\u{E000}x"), Err(RenderError::MissingGlyphs { chars: vec!['\u{E000}'] }));
    let mut facts = facts("Ada");
    facts.course_title = "数学".into();
    let error = render(&facts, &template(), &Fonts::built_in()).unwrap_err();
    assert_eq!(error, RenderError::MissingGlyphs { chars: vec!['学', '数'] });
    assert_eq!(error.to_string(), "no font has the characters `学` (U+5B66), `数` (U+6570)");
}

#[test]
fn c6_letters_with_any_diacritics_are_printed() {
    for name in [
        "Đặng Thị Thuỳ Trâm",
        "Łukasz Żółć",
        "Þórður Æsir",
        "Şükrü Ğılmaz İ",
        "Őrsi Űrge",
        "Ναταλία Ὀλύμπια",
        "Ольга Їжак-Ґудзь",
        "Ћирило Џ",
        "Ƶ̄ x̌",
        "O’Connor-d’Arc",
        "Ṛṣi Ṅāga",
    ] {
        assert!(render_fresh(name).is_ok(), "{name}: {:?}", render_fresh(name).err());
    }
}

#[test]
fn c6_empty_and_overlong_names_are_typed() {
    for empty in ["", "  \t", "\u{200D}\u{FE0F}", "\u{202E}\u{0}"] {
        assert_eq!(render_fresh(empty), Err(RenderError::EmptyName), "{empty:?}");
    }
    assert_eq!(render_fresh(&"x".repeat(201)), Err(RenderError::NameTooLong));
    assert_eq!(render_fresh(&"W".repeat(190)), Err(RenderError::NameTooLong));
    assert!(render_fresh(&["Maria"; 33].join(" ")).is_ok());
}

#[test]
fn c6_bidi_override_does_not_reach_the_page() {
    assert_eq!(render_fresh("\u{202E}Mallory\u{202C}"), render_fresh("Mallory"));
    assert_eq!(render_fresh("Mal\u{2066}lo\u{2069}ry\u{0}"), render_fresh("Mallory"));
}

#[test]
fn c6_other_facts_are_checked_too() {
    let with = |change: &dyn Fn(&mut CertificateFacts)| {
        let mut facts = facts("Ada");
        change(&mut facts);
        render(&facts, &template(), &Fonts::built_in()).map(|_| ())
    };
    assert_eq!(with(&|f| f.course_title = "\u{200B}".into()), Err(RenderError::EmptyText { field: "course_title" }));
    assert_eq!(with(&|f| f.course_title = "x ".repeat(301)), Err(RenderError::TextTooLong { field: "course_title" }));
    assert_eq!(with(&|f| f.code = String::new()), Err(RenderError::EmptyText { field: "code" }));
    assert_eq!(with(&|f| f.verify_url = Some("verify.example.org".into())), Err(RenderError::BadVerifyUrl));
    assert_eq!(with(&|f| f.language = "no such, language".into()), Ok(()));
    assert_eq!(with(&|f| f.issued_at = DateTime::<Utc>::MIN_UTC), Ok(()));
    assert_eq!(with(&|f| f.issued_on = NaiveDate::MIN), Ok(()));
    assert_eq!(with(&|f| f.expires_on = Some(NaiveDate::MAX)), Ok(()));
}

#[test]
fn c7_bad_templates_are_refused() {
    let check = |change: &dyn Fn(&mut TemplateVersion)| {
        let mut template = template();
        change(&mut template);
        let checked = template.check();
        // What check refuses, render refuses in the same words.
        let rendered = render(&facts("Ada"), &template, &Fonts::built_in());
        match &checked {
            Ok(()) => assert!(rendered.is_ok()),
            Err(error) => assert_eq!(rendered, Err(RenderError::BadTemplate(error.clone()))),
        }
        checked
    };
    assert_eq!(
        check(&|t| t.body = "Dear {{first_name}}".into()),
        Err(TemplateError::UnknownPlaceholder { field: "body", name: "first_name".into() })
    );
    assert_eq!(
        check(&|t| t.headline = "{{title}}".into()),
        Err(TemplateError::UnknownPlaceholder { field: "headline", name: "title".into() })
    );
    assert_eq!(check(&|t| t.body = "{{score".into()), Err(TemplateError::UnclosedPlaceholder { field: "body" }));
    assert_eq!(check(&|t| t.accent_colour = "navy".into()), Err(TemplateError::BadColour { value: "navy".into() }));
    assert_eq!(
        check(&|t| t.language = "English please".into()),
        Err(TemplateError::BadLanguage { value: "English please".into() })
    );
    assert_eq!(
        check(&|t| t.issuer_url = Some("javascript:alert(1)".into())),
        Err(TemplateError::BadUrl { value: "javascript:alert(1)".into() })
    );
    assert_eq!(
        check(&|t| t.body = "x".repeat(601)),
        Err(TemplateError::TooLong { field: "body", length: 601, max: 600 })
    );
    assert_eq!(check(&|t| t.headline = " \u{200B}".into()), Err(TemplateError::EmptyHeadline));
    assert_eq!(check(&|t| t.accent_colour = "#FFFF00".into()), Ok(()));
    assert_eq!(check(&|t| t.body = "{{ score }} for {{student_name}}".into()), Ok(()));
    for language in ["en", "de", "fr", "es", "ja"] {
        assert_eq!(TemplateVersion::built_in_for(language).check(), Ok(()), "{language}");
    }
}

#[test]
fn c7_a_sentence_without_its_value_is_as_if_never_written() {
    let fonts = Fonts::built_in();
    let facts = CertificateFacts { score_percent: None, hours: None, ..facts("Ada") };
    let long = TemplateVersion {
        body: "{{student_name}} completed {{course_title}}. Well done, with {{score}}. It took {{hours}} h.".into(),
        ..template()
    };
    let short =
        TemplateVersion { body: "{{student_name}} completed {{course_title}}. Well done.".into(), ..template() };
    assert_eq!(render(&facts, &long, &fonts), render(&facts, &short, &fonts));
}

#[test]
fn c7_images_are_checked_before_anything_is_drawn() {
    let render_with = |logo: Vec<u8>| {
        let template = TemplateVersion { logo: Some(logo), ..template() };
        render(&facts("Ada"), &template, &Fonts::built_in())
    };
    let whole = png(64, 64);
    assert!(render_with(whole.clone()).is_ok());
    for bad in [Vec::new(), b"GIF89a".to_vec(), whole[..whole.len() / 2].to_vec(), png(5000, 1)] {
        assert!(matches!(render_with(bad), Err(RenderError::BadImage { which: "logo", .. })), "a bad image was drawn");
    }
    let long = TemplateVersion { signature: Some(png(4000, 1)), ..template() };
    assert!(render(&facts("Ada"), &long, &Fonts::built_in()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..ProptestConfig::default()
    })]

    // A panic inside the PDF writer would abort the whole test process.
    #[test]
    fn c6_no_name_panics(name in any::<String>(), tail in "\\PC{0,60}") {
        let fonts = Fonts::built_in();
        for name in [&name, &tail, &format!("Ada {name}"), &name.repeat(9)] {
            match render(&facts(name), &TemplateVersion::built_in(), &fonts) {
                Ok(pdf) => prop_assert!(pdf.starts_with(b"%PDF")),
                Err(error) => prop_assert!(matches!(
                    error,
                    RenderError::MissingGlyphs { .. }
                        | RenderError::NameTooLong
                        | RenderError::EmptyName
                ), "{error}"),
            }
        }
    }

    // Marks, joiners and controls between letters that the fonts have.
    #[test]
    fn c6_no_sequence_of_marks_panics(
        name in "[a-zA-Zа-яα-ωЁ\u{300}-\u{36F}\u{200C}\u{200D}\u{FE00}-\u{FE0F}\u{202A}-\u{202E} \u{A0}\t-]{1,80}"
    ) {
        let result = render(&facts(&name), &TemplateVersion::built_in(), &Fonts::built_in());
        prop_assert!(!matches!(result, Err(RenderError::Pdf(_))), "{result:?}");
    }

    #[test]
    fn c7_no_template_panics(
        headline in "[a-z{}_ ]{0,40}",
        body in "([a-z ,.;()–!?\n]{0,12}|\\{\\{(score|hours|student_name|course_title|completed_on)\\}\\}){0,14}",
        accent in "#[0-9a-f]{6}",
        score in proptest::option::of("[0-9.]{0,6}"),
    ) {
        let template = TemplateVersion { headline, body, accent_colour: accent, ..template() };
        let facts = CertificateFacts { score_percent: score, ..facts("Ada Lovelace") };
        let result = render(&facts, &template, &Fonts::built_in());
        prop_assert!(matches!(
            result,
            Ok(_) | Err(RenderError::BadTemplate(_)
                | RenderError::TextTooLong { .. }
                | RenderError::EmptyText { field: "headline" })
        ), "{result:?}");
    }
}
