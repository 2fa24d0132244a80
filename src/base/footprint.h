/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start needed and the service does not. A start reads relocations, tables and most of the
 * code of its libraries once; those pages would stay in the process, read-only copies of its files,
 * for as long as memory is plenty.
 */
#ifndef SLUICE_BASE_FOOTPRINT_H
#define SLUICE_BASE_FOOTPRINT_H

/*
 * Gives back the heap's free pages, and lets go of the pages of the program and its libraries that
 * are the files' own: what is used again comes back from the page cache, some pages with one fault.
 * What was changed in this process (relocated, or by a debugger) stays. Any thread, while none
 * changes read-only parts: a write between the look and the letting go would be lost. Where the
 * system does not tell (no /proc, no glibc, a /proc that says wrong things of pages that are known)
 * it does nothing.
 */
void footprint_trim(void);

#endif
