# SPDX-License-Identifier: GPL-2.0-only
"""Commands that count, time, draw or repeat instead of judging once."""
