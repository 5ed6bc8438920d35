# SPDX-License-Identifier: GPL-2.0-only
"""Runs the panthor test suites and judges the result."""
