"""Shows a report to people: sentences, figures and pages. No arithmetic here."""
