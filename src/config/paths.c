/* SPDX-License-Identifier: Apache-2.0 */
#include "config/paths.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct slice path_beside(struct arena *arena, struct slice file, struct slice path)
{
    size_t directory = file.len;
    while (directory > 0 && file.ptr[directory - 1] != '/') {
        directory--;
    }
    if (path.len == 0 || path.ptr[0] == '/' || directory == 0) {
        return arena_copy(arena, path);
    }
    return arena_printf(arena, "%.*s%.*s", (int)directory, file.ptr, SLICE_ARG(path));
}

const char *path_unreadable(struct slice path)
{
    char name[PATH_MAX];
    struct stat status;
    if (path.len >= sizeof(name)) {
        return strerror(ENAMETOOLONG);
    }
    slice_to_cstr(path, name, sizeof(name));
    if (stat(name, &status) != 0) {
        return strerror(errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return strerror(EISDIR);
    }
    return access(name, R_OK) == 0 ? NULL : strerror(errno);
}
