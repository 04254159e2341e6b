//! Writes sample certificates to the folder given as the first argument. Further arguments are font
//! files for other scripts; a sample whose script no font covers is named as skipped.

use std::path::Path;

use chrono::{DateTime, Utc};
use lms_certificates::{CertificateFacts, FontSource, Fonts, PageSize, RenderError, TemplateVersion, render};

fn facts(name: &str) -> CertificateFacts {
    let completed: DateTime<Utc> = DateTime::from_timestamp(1_773_480_413, 0).unwrap_or_default();
    CertificateFacts {
        certificate_id: uuid::Uuid::from_u128(0x0190_b5c2_7e6a_7000_8000_0000_0000_0001),
        revision: 1,
        student_name: name.into(),
        course_title: "Foundations of Functional Programming".into(),
        instructor_name: Some("Dr Grace Hopper".into()),
        completed_on: Some(completed.date_naive()),
        issued_at: completed,
        issued_on: completed.date_naive(),
        expires_on: None,
        score_percent: Some("92.5".into()),
        hours: Some("24".into()),
        code: "7K3M-9QX4-TB2W-Z0RA".into(),
        verify_url: Some("https://verify.example.org/c/7K3M9QX4TB2WZ0RA".into()),
        language: "en".into(),
    }
}

/// A small picture: each pixel is the colour and cover (0 to 255) of the function at (x, y).
fn png(width: u32, height: u32, at: impl Fn(f32, f32) -> u8) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend([0x1f, 0x3b, 0x63, at(x as f32, y as f32)]);
        }
    }
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: sample FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut fonts = Fonts::built_in();
    for file in std::env::args().skip(2) {
        let family = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy();
        fonts = fonts.with(FontSource::new(std::fs::read(&file)?, family, 0))?;
    }
    let template = TemplateVersion {
        issuer_name: "Example Academy".into(),
        issuer_url: Some("https://academy.example.org".into()),
        signatory_name: Some("Prof. Emmy Noether".into()),
        signatory_title: Some("Dean of Studies".into()),
        ..TemplateVersion::built_in()
    };
    let with = |name: &str, change: &dyn Fn(&mut CertificateFacts)| {
        let mut facts = facts(name);
        change(&mut facts);
        facts
    };
    let none = |_: &mut CertificateFacts| {};
    let long_title = "Designing Data-Intensive Applications for Regulated Industries: Principles, \
        Patterns and Practice of Reliable, Scalable and Maintainable Systems in Health Care and \
        Public Administration";
    let long_name = "Wolfeschlegelsteinhausenbergerdorff Adolph Blaine Charles David Earl \
        Frederick Gerald Hubert Irvin John Kenneth Lloyd Martin Nero Oliver Paul Quincy";
    let letter = TemplateVersion {
        page: PageSize::Letter,
        accent_colour: "#7a1f2b".into(),
        language: "en-US".into(),
        ..template.clone()
    };
    let german = TemplateVersion {
        issuer_name: "Volkshochschule Überlingen".into(),
        signatory_name: None,
        signatory_title: None,
        accent_colour: "#8a6a1f".into(),
        ..TemplateVersion::built_in_for("de")
    };
    let french = TemplateVersion {
        issuer_name: "Académie d’exemple".into(),
        accent_colour: "#2f5d46".into(),
        ..TemplateVersion::built_in_for("fr")
    };
    let ring = png(200, 200, |x, y| {
        let r = (x - 100.0).hypot(y - 100.0);
        if r < 95.0 && (r > 80.0 || ((x - y).abs() < 60.0 && r < 60.0)) { 255 } else { 0 }
    })?;
    let scrawl = png(600, 160, |x, y| {
        let line = 80.0 + (x / 23.0).sin() * (60.0 - x / 12.0) + (x / 71.0).cos() * 14.0;
        if x > 20.0 && x < 580.0 && (y - line).abs() < 3.5 { 255 } else { 0 }
    })?;
    let pictures = TemplateVersion { logo: Some(ring), signature: Some(scrawl), ..template.clone() };
    let samples: Vec<(&str, CertificateFacts, &TemplateVersion)> = vec![
        ("short", with("Ada Lovelace", &none), &template),
        ("tiny", with("Bo", &|f| f.expires_on = f.completed_on), &template),
        ("long-name", with(long_name, &none), &template),
        ("polish", with("Żółcisława Gżegżółka-Świętopełk", &none), &german),
        ("vietnamese", with("Nguyễn Thị Phương Thảo", &|f| f.language = "vi".into()), &french),
        ("greek", with("Ἀριστοτέλης Παπαδόπουλος", &|f| f.language = "el".into()), &letter),
        ("cyrillic", with("Софія Ковалевська-Їжак", &|f| f.language = "uk".into()), &template),
        ("long-title", with("Katherine Johnson", &|f| f.course_title = long_title.into()), &template),
        (
            "both-long",
            with(long_name, &|f| {
                f.course_title = long_title.into();
                f.revision = 2;
                f.expires_on = f.completed_on;
            }),
            &letter,
        ),
        ("no-score", with("Alan Turing", &|f| f.score_percent = None), &template),
        (
            "bare",
            with("Alan Turing", &|f| {
                f.score_percent = None;
                f.hours = None;
                f.completed_on = None;
                f.instructor_name = None;
                f.verify_url = None;
            }),
            &template,
        ),
        ("pictures", with("Ada Lovelace", &none), &pictures),
        ("pictures-long", with(long_name, &|f| f.course_title = long_title.into()), &pictures),
        ("arabic", with("محمد عبد الرحمن الخوارزمي", &|f| f.language = "ar".into()), &template),
        ("hebrew", with("רבקה כהן־לוי", &|f| f.language = "he".into()), &template),
        ("devanagari", with("श्रीनिवास रामानुजन्", &|f| f.language = "hi".into()), &template),
        ("mixed", with("محمد Ali 3", &|f| f.language = "ar".into()), &template),
        ("no-url", with("Zoë Ångström", &|f| f.verify_url = None), &letter),
    ];
    for (name, facts, template) in samples {
        match render(&facts, template, &fonts) {
            Ok(pdf) => std::fs::write(folder.join(format!("{name}.pdf")), pdf)?,
            Err(error @ RenderError::MissingGlyphs { .. }) => println!("{name}: skipped, {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
