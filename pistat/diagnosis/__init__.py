"""What is wrong, since when, and what to do about it. Every finding is declared once, in the file of its subject."""

from pistat.diagnosis import boot, clock, cpu, disk, heat, memory, network, power, system
from pistat.diagnosis.finding import Finding

FINDINGS: tuple[Finding, ...] = (
    *power.FINDINGS,
    *heat.FINDINGS,
    *cpu.FINDINGS,
    *memory.FINDINGS,
    *disk.FINDINGS,
    *network.FINDINGS,
    *clock.FINDINGS,
    *boot.FINDINGS,
    *system.FINDINGS,
)
"""All findings, in the order of the documents."""

BY_ID = {finding.id: finding for finding in FINDINGS}
