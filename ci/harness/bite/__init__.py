# SPDX-License-Identifier: GPL-2.0-only
"""Faults on purpose, in the core and for each gate: does the harness notice?"""
