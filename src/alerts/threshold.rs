//! When a rule fires, and how often it says so.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::AlertType;
use crate::error::FieldError;

/// When a rule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What is looked at.
    pub trigger: Trigger,
    /// Times in a row that it must be so before the rule fires.
    pub failure_threshold: u32,
    /// Times in a row that it must be well again before the incident ends.
    pub success_threshold: u32,
    /// Minutes after which an incident that lasts is told again; 0 for never.
    pub reminder_minutes: u32,
}

/// What a rule looks at, with the numbers of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Whether it is down.
    Downtime,
    /// How long an answer takes.
    SlowResponse {
        /// Milliseconds from which it is too long.
        threshold_ms: u32,
    },
    /// How many checks failed.
    ErrorRate {
        /// Percent of the window from which it is too many.
        rate_percent: u32,
        /// The last checks that are looked at.
        window: u32,
    },
    /// How many logins failed within an hour.
    Security {
        /// More than these are too many.
        failed_attempts: u32,
        /// Whether the connection is then paused.
        auto_disable: bool,
    },
    /// How long the certificate holds.
    Certificate {
        /// Days before its end.
        days_before: u32,
    },
}

// What may be set. The defaults are those of the wire (`AlertsConfiguration` in the product's document).
const THRESHOLD_MS: RangeInclusive<u32> = 1..=600_000;
const RATE_PERCENT: RangeInclusive<u32> = 1..=100;
/// At an interval of 30 s, a thousand checks are more than eight hours.
const WINDOW: RangeInclusive<u32> = 1..=1_000;
const FAILED_ATTEMPTS: RangeInclusive<u32> = 1..=1_000;
/// Certificates of public authorities hold 398 days at most.
const DAYS_BEFORE: RangeInclusive<u32> = 1..=397;
const TIMES_IN_A_ROW: RangeInclusive<u32> = 1..=100;
/// Thirty days.
const REMINDER_MINUTES: RangeInclusive<u32> = 0..=43_200;

impl Threshold {
    /// Reads the `threshold` of a rule of type `kind`; what is left out has its default.
    ///
    /// # Errors
    ///
    /// Each field that cannot be used, by its name (`threshold.window`).
    pub fn read(kind: AlertType, value: &Value) -> Result<Self, Vec<FieldError>> {
        let Some(object) = value.as_object() else {
            return Err(vec![FieldError::new(
                "threshold",
                "threshold is an object, such as {\"failureThreshold\": 2}.",
            )]);
        };
        let mut fields = Fields { object, known: Vec::new(), errors: Vec::new() };
        let trigger = match kind {
            AlertType::Downtime => Trigger::Downtime,
            AlertType::SlowResponse => {
                Trigger::SlowResponse { threshold_ms: fields.number("thresholdMs", &THRESHOLD_MS, 3_000) }
            }
            AlertType::ErrorRate => Trigger::ErrorRate {
                rate_percent: fields.number("ratePercent", &RATE_PERCENT, 20),
                window: fields.number("window", &WINDOW, 10),
            },
            AlertType::Security => Trigger::Security {
                failed_attempts: fields.number("failedAttempts", &FAILED_ATTEMPTS, 3),
                auto_disable: fields.boolean("autoDisable"),
            },
            AlertType::Certificate => {
                Trigger::Certificate { days_before: fields.number("daysBefore", &DAYS_BEFORE, 14) }
            }
        };
        let threshold = Self {
            trigger,
            failure_threshold: fields.number("failureThreshold", &TIMES_IN_A_ROW, 1),
            success_threshold: fields.number("successThreshold", &TIMES_IN_A_ROW, 1),
            reminder_minutes: fields.number("reminderMinutes", &REMINDER_MINUTES, 0),
        };
        let errors = fields.finish(kind);
        if errors.is_empty() { Ok(threshold) } else { Err(errors) }
    }
}

/// An object whose fields are taken one by one; what nobody took is not known.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields<'_> {
    fn take(&mut self, name: &'static str) -> Option<&Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn number(&mut self, name: &'static str, range: &RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.take(name) else { return default };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            let message = format!("{name} is a whole number from {} to {}.", range.start(), range.end());
            self.errors.push(FieldError::new(format!("threshold.{name}"), message));
            default
        })
    }

    fn boolean(&mut self, name: &'static str) -> bool {
        match self.take(name).map(Value::as_bool) {
            None => false,
            Some(Some(value)) => value,
            Some(None) => {
                self.errors.push(FieldError::new(format!("threshold.{name}"), format!("{name} is true or false.")));
                false
            }
        }
    }

    fn finish(mut self, kind: AlertType) -> Vec<FieldError> {
        for name in self.object.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let name: String = name.escape_default().take(100).collect();
            let message = format!("A rule of type {} takes {}; not {name}.", kind.code(), self.known.join(", "));
            self.errors.push(FieldError::new(format!("threshold.{name}"), message));
        }
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        for (kind, trigger) in [
            (AlertType::Downtime, Trigger::Downtime),
            (AlertType::SlowResponse, Trigger::SlowResponse { threshold_ms: 3_000 }),
            (AlertType::ErrorRate, Trigger::ErrorRate { rate_percent: 20, window: 10 }),
            (AlertType::Security, Trigger::Security { failed_attempts: 3, auto_disable: false }),
            (AlertType::Certificate, Trigger::Certificate { days_before: 14 }),
        ] {
            let expected = Threshold { trigger, failure_threshold: 1, success_threshold: 1, reminder_minutes: 0 };
            assert_eq!(Threshold::read(kind, &json!({})), Ok(expected));
        }
    }

    #[test]
    fn what_is_set_counts() {
        let value = json!({"failedAttempts": 5, "autoDisable": true, "failureThreshold": 2, "reminderMinutes": 60});
        assert_eq!(
            Threshold::read(AlertType::Security, &value),
            Ok(Threshold {
                trigger: Trigger::Security { failed_attempts: 5, auto_disable: true },
                failure_threshold: 2,
                success_threshold: 1,
                reminder_minutes: 60,
            })
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (kind, value, field) in [
            (AlertType::Downtime, json!([]), "threshold"),
            (AlertType::Downtime, json!("x"), "threshold"),
            (AlertType::Downtime, json!({"thresholdMs": 1}), "threshold.thresholdMs"),
            (AlertType::SlowResponse, json!({"thresholdMs": 0}), "threshold.thresholdMs"),
            (AlertType::SlowResponse, json!({"thresholdMs": 1.5}), "threshold.thresholdMs"),
            (AlertType::SlowResponse, json!({"thresholdMs": "100"}), "threshold.thresholdMs"),
            (AlertType::ErrorRate, json!({"ratePercent": 101}), "threshold.ratePercent"),
            (AlertType::ErrorRate, json!({"window": 1e30}), "threshold.window"),
            (AlertType::Security, json!({"autoDisable": 1}), "threshold.autoDisable"),
            (AlertType::Certificate, json!({"daysBefore": -1}), "threshold.daysBefore"),
            (AlertType::Certificate, json!({"reminderMinutes": 43_201}), "threshold.reminderMinutes"),
        ] {
            let errors = Threshold::read(kind, &value).expect_err(field);
            assert_eq!(errors.first().map(|error| error.field.as_str()), Some(field), "{value}");
        }
    }
}
