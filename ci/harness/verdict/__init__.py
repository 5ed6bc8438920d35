# SPDX-License-Identifier: GPL-2.0-only
"""From a serial log to a verdict: KTAP, gates, expectations, reports."""
