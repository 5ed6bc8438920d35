# SPDX-License-Identifier: GPL-2.0-only
"""Boards: judge logs of any lab, pack a bundle, run it over ssh."""
