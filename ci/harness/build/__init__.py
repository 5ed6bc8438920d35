# SPDX-License-Identifier: GPL-2.0-only
"""From the tree to kernels, modules, programs and the file system of a VM."""
