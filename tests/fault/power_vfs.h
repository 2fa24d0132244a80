/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's own way to files, with the disk of power_disk.h told of what is created, synced and
 * removed. Files mapped by SQLite for reading are refused, so that all goes through here; the
 * shared memory of the WAL is no file that a power loss leaves and passes through.
 */
#ifndef TESTS_POWER_VFS_H
#define TESTS_POWER_VFS_H

/* Becomes the default of this process. */
void power_vfs_install(void);

#endif
