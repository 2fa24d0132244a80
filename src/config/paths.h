/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files in a configuration: relative ones are relative to the configuration file. */
#ifndef SLUICE_CONFIG_PATHS_H
#define SLUICE_CONFIG_PATHS_H

#include "base/arena.h"

/* `path` as it can be opened; a copy in the arena. `file`: of the configuration, or empty. */
struct slice path_beside(struct arena *arena, struct slice file, struct slice path);
/* NULL: the file can be opened for reading and is no directory; else why not (strerror). */
const char *path_unreadable(struct slice path);

#endif
