# SPDX-License-Identifier: GPL-2.0-only
"""Lanes, their boots, and what runs in each."""
