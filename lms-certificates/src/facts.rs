//! The facts that a certificate prints.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// The snapshot of one certificate: all that is printed about the learner and the course.
///
/// Take every value from the stored row, never from the live user or course, so that a later
/// rename does not change a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The certificate's id; it becomes the document id of the PDF.
    pub certificate_id: Uuid,
    /// The revision, from 1; printed from 2 on.
    pub revision: u32,
    /// The learner's name, 1 to 200 characters after cleaning.
    pub student_name: String,
    /// The course title, 1 to 300 characters after cleaning.
    pub course_title: String,
    /// The instructor's name, if it is to be printed.
    pub instructor_name: Option<String>,
    /// The day on which the course was completed, where it was.
    pub completed_on: Option<NaiveDate>,
    /// When the certificate was issued: the creation date of the PDF.
    pub issued_at: DateTime<Utc>,
    /// The day on which it was issued, where it was.
    pub issued_on: NaiveDate,
    /// The last day on which the certificate is valid, if there is one.
    pub expires_on: Option<NaiveDate>,
    /// The score in percent, as a plain decimal (`92.5`) or ready to print (`A+`).
    pub score_percent: Option<String>,
    /// The hours of study, as a plain decimal or ready to print.
    pub hours: Option<String>,
    /// The verification code as printed, such as `7K3M-9QX4-TB2W-Z8RA`.
    pub code: String,
    /// Where the certificate is verified: an `http` or `https` URL in ASCII of at most 300
    /// characters. The QR code carries it in upper case, so its path must be matched in any case.
    pub verify_url: Option<String>,
    /// The language of the name and of the course title, such as `vi` or `zh-Hant`.
    pub language: String,
}
