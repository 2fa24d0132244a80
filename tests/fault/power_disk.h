/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that loses its power, below the real code. The files stay real (in a directory on tmpfs,
 * the "root"); this keeps, beside them, what a disk would hold for certain: of each file the bytes
 * as of the last sync, of each directory the names as of its last sync. Everything since then is
 * in doubt: at a loss each sector of 512 bytes that differs is the old or the new one, each length
 * is the old, the new or (of a file that grew) one between, and of the changes to the names of a
 * directory the first n are there. A kernel writes back when it likes, so parts of what is in doubt
 * become certain at any event, too.
 *
 * What it assumes of a disk: a sector is written whole or not at all; names of one directory change
 * in order; a file is cut at once (SQLite needs that: a part of its log over what came of the whole
 * would be damage); what was synced stays.
 *
 * power_calls.c puts it below the journal (the linker wraps its system calls), power_vfs.c below
 * SQLite. Any thread; one lock. Paths are absolute; what is not below the root is passed over.
 */
#ifndef TESTS_POWER_DISK_H
#define TESTS_POWER_DISK_H

#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the disk claims to have done, and has not: to see that the test would find it. */
enum power_lie { LIE_NONE, LIE_MSYNC, LIE_SQLITE, LIE_NAMES, LIE_COUNT };

struct power_options {
    const char *root;
    const char *after;           /* directory that is filled with what a loss leaves */
    uint64_t seed;               /* of all that is left to chance */
    uint64_t lose_at;            /* the event at which the power goes; 0: never by itself */
    enum power_lie lie;          /* see there */
    void (*on_loss)(void *user); /* with the lock held, before anything is decided */
    void *user;
};

/* What is in the root now counts as written long ago. */
void power_begin(const struct power_options *options);
/* Something happens that a loss may come before. */
void power_event(void);
/* The power goes now, if it has not. */
void power_lose(void);
bool power_is_lost(void);
uint64_t power_events(void);
/* Forgets everything. */
void power_end(void);

/* The last msync() that reached the disk: of which segment's file, and up to which byte. */
struct power_synced {
    uint64_t segment;
    uint64_t offset;
};
struct power_synced power_synced_read(void); /* on_loss may call it */

/* --- for the shims --- */
void power_created(const char *path); /* a new file, or one cut to nothing */
void power_made_directory(const char *path);
void power_unlinked(const char *path);
void power_renamed(const char *from, const char *to);
void power_synced_names(const char *directory);
/* The whole file, and its length. */
void power_synced_file(const char *path);
/* A part of it, by inode, as msync() does; the segment's number is in its name. */
void power_synced_part(uint64_t inode, uint64_t from, uint64_t to);

#endif
