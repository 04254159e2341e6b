//! Dates, numbers and the few fixed labels, in the language of the template.

use chrono::{Datelike as _, NaiveDate};

/// A language that this crate can write dates and labels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    EnglishUs,
    German,
    French,
    Spanish,
    Italian,
    Portuguese,
    Dutch,
    Polish,
    Other,
}

/// The fixed words of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels {
    pub(crate) issued: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) instructor: &'static str,
    pub(crate) revision: &'static str,
    pub(crate) code: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) qr_alt: &'static str,
}

/// How a template's language writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locale(Language);

impl Locale {
    /// The locale of a language tag such as `de` or `de-AT`; unknown ones write ISO dates and
    /// English labels.
    pub(crate) fn of(tag: &str) -> Self {
        let tag = tag.to_ascii_lowercase().replace('_', "-");
        let primary = tag.split('-').next().unwrap_or_default();
        let language = match primary {
            "en" if tag.split('-').any(|part| part == "us") => Language::EnglishUs,
            "en" => Language::English,
            "de" => Language::German,
            "fr" => Language::French,
            "es" => Language::Spanish,
            "it" => Language::Italian,
            "pt" => Language::Portuguese,
            "nl" => Language::Dutch,
            "pl" => Language::Polish,
            _ => Language::Other,
        };
        Self(language)
    }

    /// The day, written out.
    pub(crate) fn date(self, date: NaiveDate) -> String {
        let (year, day) = (date.year(), date.day());
        let Some(month) = self.month(date.month0() as usize) else {
            return date.format("%Y-%m-%d").to_string();
        };
        match self.0 {
            Language::EnglishUs => format!("{month} {day}, {year}"),
            Language::German => format!("{day}. {month} {year}"),
            Language::French if day == 1 => format!("1er {month} {year}"),
            Language::Italian if day == 1 => format!("1º {month} {year}"),
            Language::Spanish | Language::Portuguese => format!("{day} de {month} de {year}"),
            _ => format!("{day} {month} {year}"),
        }
    }

    fn month(self, month0: usize) -> Option<&'static str> {
        let months: [&'static str; 12] = match self.0 {
            Language::English | Language::EnglishUs => [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ],
            Language::German => [
                "Januar",
                "Februar",
                "März",
                "April",
                "Mai",
                "Juni",
                "Juli",
                "August",
                "September",
                "Oktober",
                "November",
                "Dezember",
            ],
            Language::French => [
                "janvier",
                "février",
                "mars",
                "avril",
                "mai",
                "juin",
                "juillet",
                "août",
                "septembre",
                "octobre",
                "novembre",
                "décembre",
            ],
            Language::Spanish => [
                "enero",
                "febrero",
                "marzo",
                "abril",
                "mayo",
                "junio",
                "julio",
                "agosto",
                "septiembre",
                "octubre",
                "noviembre",
                "diciembre",
            ],
            Language::Italian => [
                "gennaio",
                "febbraio",
                "marzo",
                "aprile",
                "maggio",
                "giugno",
                "luglio",
                "agosto",
                "settembre",
                "ottobre",
                "novembre",
                "dicembre",
            ],
            Language::Portuguese => [
                "janeiro",
                "fevereiro",
                "março",
                "abril",
                "maio",
                "junho",
                "julho",
                "agosto",
                "setembro",
                "outubro",
                "novembro",
                "dezembro",
            ],
            Language::Dutch => [
                "januari",
                "februari",
                "maart",
                "april",
                "mei",
                "juni",
                "juli",
                "augustus",
                "september",
                "oktober",
                "november",
                "december",
            ],
            Language::Polish => [
                "stycznia",
                "lutego",
                "marca",
                "kwietnia",
                "maja",
                "czerwca",
                "lipca",
                "sierpnia",
                "września",
                "października",
                "listopada",
                "grudnia",
            ],
            Language::Other => return None,
        };
        months.get(month0).copied()
    }

    /// A plain decimal with the decimal sign of the language; anything else as it is.
    pub(crate) fn number(self, text: &str) -> String {
        let comma = !matches!(self.0, Language::English | Language::EnglishUs | Language::Other);
        if comma && is_decimal(text) { text.replace('.', ",") } else { text.to_owned() }
    }

    /// A plain decimal with the per cent sign set as the language sets it; anything else as it is.
    pub(crate) fn percent(self, text: &str) -> String {
        let bare = text.strip_suffix('%').map_or(text, str::trim_end);
        if !is_decimal(bare) {
            return text.to_owned();
        }
        let gap = match self.0 {
            Language::German | Language::French | Language::Spanish => "\u{a0}",
            _ => "",
        };
        format!("{}{gap}%", self.number(bare))
    }

    /// A label and its value.
    pub(crate) fn labelled(self, label: &str, value: &str) -> String {
        let gap = if self.0 == Language::French { "\u{a0}" } else { "" };
        format!("{label}{gap}: {value}")
    }

    /// The fixed words of the page.
    pub(crate) fn labels(self) -> Labels {
        match self.0 {
            Language::English | Language::EnglishUs | Language::Other => Labels {
                issued: "Issued on",
                expires: "Valid until",
                instructor: "Instructor",
                revision: "Revision",
                code: "Certificate code",
                verify: "Verify at",
                qr_alt: "QR code that opens the verification page",
            },
            Language::German => Labels {
                issued: "Ausgestellt am",
                expires: "Gültig bis",
                instructor: "Kursleitung",
                revision: "Fassung",
                code: "Zertifikatscode",
                verify: "Prüfen unter",
                qr_alt: "QR-Code, der die Prüfseite öffnet",
            },
            Language::French => Labels {
                issued: "Délivré le",
                expires: "Valable jusqu’au",
                instructor: "Responsable de la formation",
                revision: "Révision",
                code: "Code du certificat",
                verify: "À vérifier sur",
                qr_alt: "Code QR ouvrant la page de vérification",
            },
            Language::Spanish => Labels {
                issued: "Expedido el",
                expires: "Válido hasta el",
                instructor: "Docente",
                revision: "Revisión",
                code: "Código del certificado",
                verify: "Verificar en",
                qr_alt: "Código QR que abre la página de verificación",
            },
            Language::Italian => Labels {
                issued: "Rilasciato il",
                expires: "Valido fino al",
                instructor: "Docente",
                revision: "Revisione",
                code: "Codice del certificato",
                verify: "Verifica su",
                qr_alt: "Codice QR che apre la pagina di verifica",
            },
            Language::Portuguese => Labels {
                issued: "Emitido em",
                expires: "Válido até",
                instructor: "Docente",
                revision: "Revisão",
                code: "Código do certificado",
                verify: "Verificar em",
                qr_alt: "Código QR que abre a página de verificação",
            },
            Language::Dutch => Labels {
                issued: "Uitgereikt op",
                expires: "Geldig tot",
                instructor: "Cursusleiding",
                revision: "Revisie",
                code: "Certificaatcode",
                verify: "Controleren op",
                qr_alt: "QR-code die de controlepagina opent",
            },
            Language::Polish => Labels {
                issued: "Wydano",
                expires: "Ważny do",
                instructor: "Prowadzenie kursu",
                revision: "Wersja",
                code: "Kod certyfikatu",
                verify: "Weryfikacja",
                qr_alt: "Kod QR otwierający stronę weryfikacji",
            },
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_dates_are_written_in_the_templates_language() {
        let at = NaiveDate::from_ymd_opt(2026, 3, 14).unwrap();
        for (tag, expected) in [
            ("en", "14 March 2026"),
            ("en-US", "March 14, 2026"),
            ("de-AT", "14. März 2026"),
            ("fr", "14 mars 2026"),
            ("es_MX", "14 de marzo de 2026"),
            ("pl", "14 marca 2026"),
            ("ja", "2026-03-14"),
            ("", "2026-03-14"),
        ] {
            assert_eq!(Locale::of(tag).date(at), expected, "{tag}");
        }
        let first = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap();
        assert_eq!(Locale::of("fr").date(first), "1er mai 2026");
    }

    #[test]
    fn c6_numbers_follow_the_language_and_grades_stay() {
        assert_eq!(Locale::of("en").percent("92.5"), "92.5%");
        assert_eq!(Locale::of("de").percent("92.5 %"), "92,5\u{a0}%");
        assert_eq!(Locale::of("de").percent("sehr gut"), "sehr gut");
        assert_eq!(Locale::of("fr").number("1.5"), "1,5");
        assert_eq!(Locale::of("en").number("1.5"), "1.5");
        assert_eq!(Locale::of("fr").number("v1.5"), "v1.5");
    }
}
