# SPDX-License-Identifier: GPL-2.0-only
"""The tree that is built: source, overlay and fixes; and the same as a series of patches."""
