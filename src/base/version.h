/* Versions, in one place: ours, and the level of Redis whose commands and replies are offered. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stdint.h>

#define SLUICE_NAME    "sluice"
#define SLUICE_VERSION "0.1.0"
/* What clients that look at the version get to see (INFO, HELLO, --version). */
#define REDIS_VERSION        "8.0.0"
#define REDIS_VERSION_NUMBER 0x00080000
/* No build of ours knows a commit of Redis; the form stays so that scripts can parse it. */
#define BUILD_GIT_SHA1  "00000000"
#define BUILD_GIT_DIRTY 0

/* Names this build: the same sources and compiler give the same number (FNV-1a). */
static inline uint64_t version_build_id(void)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const char *text = SLUICE_VERSION " " REDIS_VERSION " " __VERSION__; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return hash;
}

#endif
