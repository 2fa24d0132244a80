/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define LIBRARY "libpq.so.5"

struct postgres_library pq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing; /* what could not be loaded; NULL: nothing */

/* POSIX gives a function as an object's address, which C has no conversion for. */
static bool find(void *library, const char *name, void *function, size_t size)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        missing = LIBRARY;
        return;
    }
#define X(name)                                                                                    \
    if (!find(library, #name, &pq.name, sizeof(pq.name))) {                                        \
        missing = #name;                                                                           \
    }
    POSTGRES_FUNCTIONS(X)
#undef X
}

bool postgres_library_load(struct error *error)
{
    pthread_once(&once, load);
    return missing == NULL || error_set(error, ERROR_ENVIRONMENT, "no_libpq",
                                        "PostgreSQL needs %s, which cannot be loaded: install "
                                        "libpq5.",
                                        missing);
}
