/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of src/store, wrapped by the linker (--wrap, see tools/run-tests.mk): each does
 * what it is asked for and tells the disk of power_disk.h. The disk decides before an effect is
 * certain, so a loss comes between any two of them.
 */
#include "tests/fault/power_disk.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPPINGS_MAX 64

int __real_open(const char *path, int flags, ...);
int __real_openat(int directory, const char *name, int flags, ...);
int __real_mkdir(const char *path, mode_t mode);
int __real_fsync(int fd);
int __real_msync(void *start, size_t len, int flags);
int __real_munmap(void *start, size_t len);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_unlinkat(int directory, const char *name, int flags);
void *__real_mmap(void *start, size_t len, int protection, int flags, int fd, off_t offset);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int directory, const char *name, int flags, ...);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_fsync(int fd);
int __wrap_msync(void *start, size_t len, int flags);
int __wrap_munmap(void *start, size_t len);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_unlinkat(int directory, const char *name, int flags);
void *__wrap_mmap(void *start, size_t len, int protection, int flags, int fd, off_t offset);

/* What they are called where a library wants files larger than 2 GiB on every machine
 * (_FILE_OFFSET_BITS); off_t has 64 bits in either case. */
_Static_assert(sizeof(off_t) == 8, "the same functions by two names");
int __wrap_open64(const char *path, int flags, ...) __attribute__((alias("__wrap_open")));
int __wrap_openat64(int directory, const char *name, int flags, ...)
    __attribute__((alias("__wrap_openat")));
void *__wrap_mmap64(void *start, size_t len, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("__wrap_mmap")));

struct mapping {
    char *start;
    size_t len;
    uint64_t inode;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mapping mappings[MAPPINGS_MAX];

#define PATH_SIZE 1024

static void path_of(int fd, const char *name, char path[PATH_SIZE])
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_SIZE - 1);
    len = len > 0 ? len : 0;
    path[len] = '\0';
    if (name != NULL) {
        snprintf(path + len, PATH_SIZE - (size_t)len, "/%s", name);
    }
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? (mode_t)va_arg(arguments, int) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    bool was_there = (flags & O_CREAT) == 0 || is_there(path);
    int fd = __real_open(path, flags, mode);
    if (fd >= 0 && !was_there) {
        power_created(path);
    }
    return fd;
}

int __wrap_openat(int directory, const char *name, int flags, ...)
{
    char path[PATH_SIZE];
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    path_of(directory, name, path);
    bool was_there = (flags & O_CREAT) == 0 || is_there(path);
    int fd = __real_openat(directory, name, flags, mode);
    if (fd >= 0 && !was_there) {
        power_created(path);
    }
    return fd;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    int status = __real_mkdir(path, mode);
    if (status == 0) {
        power_made_directory(path);
    }
    return status;
}

int __wrap_fsync(int fd)
{
    char path[PATH_SIZE];
    struct stat info;
    path_of(fd, NULL, path);
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        power_synced_names(path);
    } else {
        power_synced_file(path);
    }
    return 0;
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    char before[PATH_SIZE];
    char after[PATH_SIZE];
    path_of(from_directory, from, before);
    path_of(to_directory, to, after);
    int status = __real_renameat(from_directory, from, to_directory, to);
    if (status == 0) {
        power_renamed(before, after);
    }
    return status;
}

int __wrap_unlinkat(int directory, const char *name, int flags)
{
    char path[PATH_SIZE];
    path_of(directory, name, path);
    int status = __real_unlinkat(directory, name, flags);
    if (status == 0) {
        power_unlinked(path);
    }
    return status;
}

/* --- mappings --- */

void *__wrap_mmap(void *start, size_t len, int protection, int flags, int fd, off_t offset)
{
    struct stat info;
    void *map = __real_mmap(start, len, protection, flags, fd, offset);
    if (map == MAP_FAILED || fd < 0 || (flags & MAP_SHARED) == 0 || fstat(fd, &info) != 0) {
        return map;
    }
    pthread_mutex_lock(&lock);
    struct mapping *free_one = NULL;
    for (size_t i = 0; i < MAPPINGS_MAX && free_one == NULL; i++) {
        free_one = mappings[i].start == NULL ? &mappings[i] : NULL;
    }
    CHECK(free_one != NULL && offset == 0);
    *free_one = (struct mapping){.start = map, .len = len, .inode = (uint64_t)info.st_ino};
    pthread_mutex_unlock(&lock);
    return map;
}

static struct mapping *find_mapping(const char *start)
{
    for (size_t i = 0; i < MAPPINGS_MAX; i++) {
        struct mapping *mapping = &mappings[i];
        if (mapping->start != NULL && start >= mapping->start &&
            start < mapping->start + mapping->len) {
            return mapping;
        }
    }
    return NULL;
}

int __wrap_munmap(void *start, size_t len)
{
    pthread_mutex_lock(&lock);
    struct mapping *mapping = find_mapping(start);
    if (mapping != NULL) {
        *mapping = (struct mapping){0};
    }
    pthread_mutex_unlock(&lock);
    return __real_munmap(start, len);
}

int __wrap_msync(void *start, size_t len, int flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    const struct mapping *found = find_mapping(start);
    struct mapping mapping = found == NULL ? (struct mapping){0} : *found;
    pthread_mutex_unlock(&lock);
    if (mapping.start != NULL) {
        uint64_t from = (uint64_t)((char *)start - mapping.start);
        power_synced_part(mapping.inode, from, from + len);
    }
    return 0;
}
