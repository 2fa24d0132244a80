/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/power_vfs.h"

#include "base/check.h"
#include "tests/fault/power_disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 200

struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real;
    char path[PATH_SIZE]; /* empty: a temporary file */
    bool sync_names;      /* with its next sync, as SQLite does with a WAL or journal */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static struct vfs_file *of(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return of(file)->real;
}

static void sync_directory_of(const char *path)
{
    char directory[PATH_SIZE];
    snprintf(directory, sizeof(directory), "%s", path);
    char *slash = strrchr(directory, '/');
    CHECK(slash != NULL);
    *slash = '\0';
    power_synced_names(directory);
}

/* --- files --- */

static int file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), bytes, len, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    power_event();
    return real(file)->pMethods->xWrite(real(file), bytes, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    power_event();
    return real(file)->pMethods->xTruncate(real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (of(file)->path[0] != '\0') {
        power_synced_file(of(file)->path);
        if (of(file)->sync_names) {
            of(file)->sync_names = false;
            sync_directory_of(of(file)->path);
        }
    }
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return real(file)->pMethods->xFileSize(real(file), ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret_reserved)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), ret_reserved);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the file system --- */

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    (void)self;
    struct stat info;
    struct vfs_file *mine = of(file);
    int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    bool named = path != NULL && (flags & kept) != 0;
    bool fresh = named && (flags & SQLITE_OPEN_CREATE) != 0 && stat(path, &info) != 0;
    *mine = (struct vfs_file){.real = (sqlite3_file *)(void *)(mine + 1)};
    int status = real_vfs->xOpen(real_vfs, path, mine->real, flags, ret_flags);
    if (status != SQLITE_OK) {
        return status;
    }
    mine->base.pMethods = &file_methods;
    if (named) {
        snprintf(mine->path, sizeof(mine->path), "%s", path);
    }
    if (fresh) {
        power_created(path);
    }
    mine->sync_names =
        named && (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int sync_names)
{
    (void)self;
    int status = real_vfs->xDelete(real_vfs, path, 0);
    size_t len = strlen(path);
    if (status == SQLITE_OK && (len < 4 || strcmp(path + len - 4, "-shm") != 0)) {
        power_unlinked(path);
        if (sync_names) {
            sync_directory_of(path);
        }
    }
    return status;
}

void power_vfs_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    CHECK(real_vfs != NULL && real_vfs->iVersion >= 2);
    vfs = *real_vfs; /* the others need no self but for their name */
    vfs.iVersion = 2;
    vfs.szOsFile = (int)sizeof(struct vfs_file) + real_vfs->szOsFile;
    vfs.pNext = NULL;
    vfs.zName = "power";
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
