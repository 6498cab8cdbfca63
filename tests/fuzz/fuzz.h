/* What the fuzz targets share. Each is one function over any bytes; a broken invariant aborts.
 * Built with -Dfuzz=true it is a libFuzzer program, else fuzz_main.c replays the files it is given.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A refusal says why, in one line that is safe to print. */
#define CHECK_REFUSAL(e)                                                                           \
    CHECK((e)->code != ERR_NONE && (e)->text[0] && !strpbrk((e)->text, "\n\r\033"))

#endif
