//! `diagnose`: a staged probe and its analysis in the terminal. Needs no database of Mooring's own, and keeps
//! nothing.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use serde_json::json;

use super::{CommandError, input, print};
use crate::{
    connections::{paste::Pasted, url},
    diagnosis::{
        SuggestedFix,
        analysis::priority_label,
        server::{Examination, examine},
    },
    probe::{CertificateFacts, Failure, Outcome, TlsFacts},
    server::{config::Config, egress::Egress},
};

/// Columns to wrap words at, two for the margin left out.
const WIDTH: usize = 96;
/// Fixes that are spelt out in the terminal; the JSON has all of them.
const SPELT_OUT: usize = 4;

/// Takes the connection of `address` apart and prints what was found; `-` stands for what comes by the standard
/// input. That it does not connect is a failure of the command, so that scripts can go by the exit status.
pub(super) async fn diagnose(config: &Config, address: &str, as_json: bool) -> Result<(), CommandError> {
    let (provider, settings) = if address == "-" {
        let Pasted { provider, settings, note } = input::connection()?;
        if let Some(note) = note {
            // There is nobody to tell where the standard error is closed, here and below.
            let _ = writeln!(io::stderr(), "mooring: {note}");
        }
        (provider, settings)
    } else {
        let _ = writeln!(
            io::stderr(),
            "mooring: everyone on this machine can read arguments (ps); give the address as - by the standard input"
        );
        url::parse_url(address).map_err(|error| CommandError::Usage(error.message))?
    };
    let endpoint = settings.endpoint();
    let found = examine(&Egress::new(config.egress), provider, &settings, "").await;
    let connected = found.staged.succeeded();
    if as_json {
        print(as_object(&found, provider.code(), &endpoint).to_string())?;
    } else {
        print(as_text(&found, provider.label(), &endpoint))?;
    }
    if connected { Ok(()) } else { Err(CommandError::Told) }
}

/// Everything, for programs: the stages under their own names, and the answer of the wire where it failed.
fn as_object(found: &Examination, provider: &str, endpoint: &str) -> serde_json::Value {
    let stages: Vec<_> = found
        .staged
        .stages
        .iter()
        .map(|stage| {
            json!({
                "stage": stage.kind.code(),
                "phase": stage.kind.phase().code(),
                "subject": stage.subject,
                "outcome": stage.outcome,
                "ms": stage.ms(),
                "detail": stage.detail,
            })
        })
        .collect();
    let failed = !found.staged.succeeded();
    json!({
        "provider": provider,
        "endpoint": endpoint,
        "connected": !failed,
        "totalMs": found.staged.total_micros / 1_000,
        "serverVersion": found.staged.server_version,
        "stages": stages,
        "tls": found.staged.tls.as_ref().map(tls_object),
        "findings": found.staged.findings,
        "failure": found.staged.failure.as_ref().map(failure_object),
        "analysis": failed.then_some(&found.analysis),
        "suggestedFixes": if failed { found.fixes.as_slice() } else { &[] },
    })
}

/// As everything here is spelt; the rows of Mooring's own database have these facts in the types' own spelling.
fn failure_object(failure: &Failure) -> serde_json::Value {
    json!({
        "phase": failure.phase,
        "code": failure.code,
        "message": failure.message,
        "cause": failure.cause,
        "alsoPossible": failure.also_possible,
    })
}

fn tls_object(tls: &TlsFacts) -> serde_json::Value {
    let certificate = |facts: &CertificateFacts| {
        json!({
            "subject": facts.subject,
            "issuer": facts.issuer,
            "notBefore": facts.not_before.rfc3339(),
            "notAfter": facts.not_after.rfc3339(),
            "names": facts.names,
            "sha256": facts.sha256,
        })
    };
    json!({
        "version": tls.version,
        "cipher": tls.cipher,
        "verified": tls.verified,
        "chain": tls.chain.iter().map(certificate).collect::<Vec<_>>(),
    })
}

fn as_text(found: &Examination, provider: &str, endpoint: &str) -> String {
    let mut text = format!("{provider} at {endpoint}\n\n");
    for stage in &found.staged.stages {
        let outcome = match stage.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "-",
        };
        let about: Vec<&str> = [&stage.subject, &stage.detail].into_iter().flatten().map(String::as_str).collect();
        let about = wrapped(&about.join(": "), 34);
        let time = format!("{} ms", stage.ms());
        // Writing to a string does not fail, here and below.
        let _ = writeln!(text, "  {outcome:<8}{:<14}{time:>8}  {about}", stage.kind.label());
    }
    text.push('\n');
    if found.staged.succeeded() {
        let version = found.staged.server_version.as_deref().unwrap_or("unknown version");
        let _ = write!(text, "It connects: server {version}, {} ms in all.", found.staged.total_micros / 1_000);
        return text;
    }
    let analysis = &found.analysis;
    let _ = writeln!(text, "{} ({}, {} % sure)\n", analysis.title, analysis.cause, analysis.confidence);
    for paragraph in [analysis.root_cause.as_str(), &analysis.explanation, analysis.cause.advice()] {
        let _ = writeln!(text, "  {}\n", wrapped(paragraph, 2));
    }
    if analysis.is_transient {
        text.push_str("  It may pass by itself.\n\n");
    }
    if !analysis.also_possible.is_empty() {
        let others: Vec<&str> = analysis.also_possible.iter().map(|cause| cause.title()).collect();
        let _ = writeln!(text, "It may also be: {}.\n", others.join("; "));
    }
    text.push_str("What to do\n");
    for (number, fix) in (1..).zip(found.fixes.iter().take(SPELT_OUT)) {
        spell_out(&mut text, number, fix);
    }
    for note in &analysis.security_notes {
        let _ = writeln!(text, "\nNote: {}", wrapped(note, 6));
    }
    text.trim_end().to_owned()
}

fn spell_out(text: &mut String, number: u32, fix: &SuggestedFix) {
    let weakens = if fix.weakens_security { "; makes the connection less safe" } else { "" };
    let _ = writeln!(text, "\n  {number}. {} ({}{weakens})", fix.title, priority_label(fix.priority));
    let _ = writeln!(text, "     {}", wrapped(&fix.description, 5));
    match &fix.patch {
        // The steps of a patch speak of the form; here the change itself says more.
        Some(patch) => {
            let _ = writeln!(text, "     Change: {patch}");
        }
        None => {
            for step in &fix.steps {
                let _ = writeln!(text, "     - {}", wrapped(step, 7));
            }
        }
    }
    for line in fix.code_example.iter().flat_map(|example| example.lines()) {
        let _ = writeln!(text, "       {line}");
    }
}

/// `text` broken between words, the lines after the first indented by `margin`.
fn wrapped(text: &str, margin: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = margin;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > margin && column + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', margin));
            column = margin;
        } else if column > margin {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_with_a_margin() {
        assert_eq!(wrapped("a  b", 4), "a b");
        let long = "word ".repeat(40);
        let lines: Vec<String> = wrapped(&long, 4).lines().map(str::to_owned).collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert!(lines.iter().skip(1).all(|line| line.starts_with("    word")));
        assert_eq!(wrapped(&"x".repeat(200), 2), "x".repeat(200));
    }
}
