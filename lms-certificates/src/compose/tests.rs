//! Nothing on the page touches anything else.

use super::*;
use crate::template::PageSize;
use proptest::prelude::*;

const SEAL: f32 = 41.0;

fn facts(name: &str, title: &str, url: &str) -> CertificateFacts {
    let at = DateTime::from_timestamp(1_773_480_413, 0).unwrap();
    CertificateFacts {
        certificate_id: uuid::Uuid::from_u128(1),
        revision: 3,
        student_name: name.into(),
        course_title: title.into(),
        instructor_name: Some("Dr Grace Hopper".into()),
        completed_on: Some(at.date_naive()),
        issued_at: at,
        issued_on: at.date_naive(),
        expires_on: Some(at.date_naive()),
        score_percent: Some("100".into()),
        hours: Some("1200.5".into()),
        code: "7K3M-9QX4-TB2W-Z8RA".into(),
        verify_url: Some(url.into()),
        language: "en".into(),
    }
}

fn template(page: PageSize) -> TemplateVersion {
    TemplateVersion {
        issuer_name: "Example Academy of the Applied and Theoretical Arts and Sciences".into(),
        signatory_name: Some("Prof. Dr. Amalie Emmy Noether von und zu Erlangen".into()),
        signatory_title: Some("Dean of Studies and Chair of the Board of Examiners".into()),
        page,
        ..TemplateVersion::built_in()
    }
}

fn overlaps(a: Area, b: Area) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

/// Every line of text with a little less than its full height.
fn lines(scene: &Scene) -> Vec<Area> {
    let draws = scene.elements.iter().flat_map(|element| &element.draws);
    draws
        .filter_map(|draw| match draw {
            Draw::Run(run) => {
                let width: f32 = run.glyphs.iter().map(|glyph| glyph.x_advance * run.size).sum();
                Some(Area { x: run.x, y: run.baseline - run.size * 0.66, width, height: run.size * 0.86 })
            }
            _ => None,
        })
        .collect()
}

fn check(scene: &Scene) {
    let seal = Area {
        x: scene.width / 2.0 - SEAL,
        y: scene.height - ornament::FRAME - 24.0 - 12.0 - 2.0 * SEAL,
        width: 2.0 * SEAL,
        height: 2.0 * SEAL + 22.0,
    };
    let figures = scene.elements.iter().filter_map(|element| match &element.role {
        Role::Figure { area, .. } => Some(*area),
        _ => None,
    });
    let taboo: Vec<Area> = figures.chain([seal]).collect();
    let lines = lines(scene);
    assert!(lines.len() > 8);
    for (i, line) in lines.iter().enumerate() {
        let frame = ornament::FRAME;
        assert!(line.x >= frame && line.x + line.width <= scene.width - frame, "{line:?}");
        assert!(line.y >= frame && line.y + line.height <= scene.height - frame, "{line:?}");
        for area in &taboo {
            assert!(!overlaps(*line, *area), "{line:?} runs over {area:?}");
        }
        for other in lines.iter().skip(i + 1) {
            // Runs of one line touch each other.
            let same_line = (line.y + line.height - other.y - other.height).abs() < 2.0;
            assert!(same_line || !overlaps(*line, *other), "{line:?} runs over {other:?}");
        }
    }
}

#[test]
fn c6_long_texts_never_run_over_seal_code_or_each_other() {
    let fonts = Fonts::built_in();
    let url = format!("https://verify.example.org/c/{}?lang=en", "k7".repeat(130));
    for page in [PageSize::A4, PageSize::Letter] {
        for name in ["Bo", "Maximiliana", "Wilhelmina-Karoline"] {
            let name = [name; 6].join(" ");
            let title = ["Engineering of Systems"; 12].join(", ");
            let title: String = title.chars().take(280).collect();
            for url in ["https://verify.example.org/c/1", url.as_str()] {
                let facts = facts(&name, &title, url);
                check(&compose(&facts, &template(page), &fonts).unwrap());
            }
        }
        short(page, &fonts);
    }
}

fn short(page: PageSize, fonts: &Fonts) -> Scene {
    let scene = compose(&facts("Ada", "Engines", "https://example.org"), &template(page), fonts).unwrap();
    check(&scene);
    scene
}

#[test]
fn c6_qr_keeps_its_size_and_quiet_zone() {
    let scene = short(PageSize::A4, &Fonts::built_in());
    let qr = scene.elements.iter().find_map(|element| match &element.role {
        Role::Figure { area, .. } => Some(*area),
        _ => None,
    });
    let qr = qr.unwrap();
    assert!(qr.width >= 25.0 * 72.0 / 25.4);
    let quiet = 4.0 * qr.width / 25.0;
    let zone =
        Area { x: qr.x - quiet, y: qr.y - quiet, width: qr.width + 2.0 * quiet, height: qr.height + 2.0 * quiet };
    assert!(lines(&scene).iter().all(|line| !overlaps(*line, zone)));
    assert!(zone.x + zone.width <= scene.width - ornament::FRAME);
}

#[test]
fn c7_a_missing_value_leaves_no_trace() {
    let fonts = Fonts::built_in();
    let without = CertificateFacts {
        score_percent: None,
        hours: Some(" ".into()),
        ..facts("Ada", "Engines", "https://example.org")
    };
    let scene = compose(&without, &template(PageSize::A4), &fonts).unwrap();
    let texts: Vec<String> = scene
        .elements
        .iter()
        .filter_map(|element| match element.draws.first() {
            Some(Draw::Run(run)) => Some(run.text.to_string()),
            _ => None,
        })
        .collect();
    assert!(texts.contains(&"Completed on 14 March 2026.".to_owned()), "{texts:?}");
}

#[test]
fn c6_the_name_stands_exactly_in_the_structure() {
    let fonts = Fonts::built_in();
    let facts = CertificateFacts {
        language: "vi".into(),
        ..facts("Nguye\u{302}\u{303}n\tThị", "Engines", "https://example.org")
    };
    let scene = compose(&facts, &template(PageSize::A4), &fonts).unwrap();
    assert!(scene.elements.iter().any(|element| matches!(&element.role,
        Role::Paragraph { exact: Some(name), language: Some(tag) }
            if name == "Nguyễn Thị" && tag == "vi")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c6_no_length_runs_over_anything(
        name in "[A-Za-zäöüßéłЖω]{1,24}( [A-Za-zäöüßéłЖω]{1,24}){0,9}",
        title in "[A-Za-z]{1,18}( [A-Za-z,:]{1,18}){0,18}",
        letter in any::<bool>(),
    ) {
        let page = if letter { PageSize::Letter } else { PageSize::A4 };
        let facts = facts(&name, &title, "https://verify.example.org/c/7K3M9QX4TB2WZ8RA");
        match compose(&facts, &template(page), &Fonts::built_in()) {
            Ok(scene) => check(&scene),
            Err(error) => prop_assert!(matches!(
                error,
                RenderError::NameTooLong | RenderError::TextTooLong { .. }
            ), "{error}"),
        }
    }
}
