"""The page of a catalogue run: its experiments, what each alert did in each, what is open; links to the runs' pages."""

from typing import Any

from chaos.report import durations, html
from chaos.report.matrix import counts, seconds, why_unseen
from chaos.report.summary import mark
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.coverage import Matrix, ProvenAlert
from chaos.verdict.outcome import AlertOutcome


def render(catalogue: Catalogue, matrix: Matrix) -> str:
    """One HTML file that needs nothing else; the links lead to the folders beside its own."""
    links = {entry.experiment: f"../{entry.run_id}/report.html" for entry in catalogue.entries if entry.run_id}
    rows = [row for row in matrix.rows if row.verdict]
    cells = [
        {
            "alert": alert,
            "cells": [
                {"word": word, "mark": mark(word), "row": row.experiment, "link": links.get(row.experiment, "")}
                for row in rows
                for word in (matrix.word(row, alert),)
            ],
        }
        for alert in matrix.alerts
    ]
    return html.page(
        "index.html.j2",
        catalogue=catalogue,
        held=sum(entry.held for entry in catalogue.entries),
        entries=[_entry(entry, matrix, links) for entry in catalogue.entries],
        columns=[row.experiment for row in rows],
        cells=cells,
        legend=[(one.value, one.mark) for one in sorted(AlertOutcome, key=lambda one: -one.rank)],
        proofs=[_proof(proof, links) for alert in matrix.alerts for proof in matrix.proofs(alert)],
        slowest=[_proof(proof, links) for proof in matrix.slowest()],
        wrong=matrix.wrong(),
        exempt=[one for one in matrix.unproven() if one.exempt],
        unseen=[(row, why_unseen(row)) for row in matrix.unseen()],
        number=len(matrix.alerts),
        proven=len(matrix.alerts) - len(matrix.unproven()),
    )


def _entry(entry: Entry, matrix: Matrix, links: dict[str, str]) -> dict[str, Any]:
    row = next((row for row in matrix.rows if row.experiment == entry.experiment), None)
    return {"entry": entry, "link": links.get(entry.experiment, ""), "counts": counts(row) if row else ""}


def _proof(proof: ProvenAlert, links: dict[str, str]) -> dict[str, Any]:
    design, production = proof.result.design, proof.result.production
    return {
        "alert": proof.result.name,
        "experiment": proof.row.experiment,
        "link": links.get(proof.row.experiment, ""),
        "detection": seconds(proof.result.condition_true, design.detection if design else None),
        "delivery": seconds(proof.delivery, design.delivery if design else None),
        "beyond": proof.beyond_design,
        "resolved": seconds(proof.result.resolved, design.resolution if design else None),
        "production": ", ".join(durations.measured(each, 0) for each in (production.detection, production.delivery))
        if production
        else "",
    }
