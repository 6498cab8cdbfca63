/*
 * The one item that every benchmark uses: a Dog of 262 bytes, as canonical text.
 *
 * Key `dog-NNNNNNNN`, file `dog-NNNNNNNN.json`, NNNNNNNN its number. nullfs serves this text from
 * memory, driver writes it, sqlfloor stores it, and tests/bench/run loads a store with the same.
 */
#ifndef BENCH_BODY_H
#define BENCH_BODY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_SIZE = 262, BODY_DIGITS = 8, NAME_SIZE = sizeof "dog-00000000.json" };

#define BODY_BREED "Nova Scotia Duck Tolling Retriever"

static const char body_head[] = "{\n  \"name\": \"Dog ";
static const char body_tail[] =
    "\",\n  \"breed\": \"" BODY_BREED "\",\n  \"age\": 7,\n  \"note\": \""
    "A dog that is served, read, listed, counted and copied a hundred thousand times in a row, "
    "and that has never been seen to bark at a kernel thread as it waited\"\n}\n";

_Static_assert(sizeof body_head - 1 + BODY_DIGITS + sizeof body_tail - 1 == BODY_SIZE,
               "the text of an item has the size that the bars are for");

/* Writes the text of item `number` to out[BODY_SIZE]; no NUL. */
static inline void body_write(char out[BODY_SIZE], unsigned number)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%08u", number % 100000000u);
    memcpy(out, body_head, sizeof body_head - 1);
    memcpy(out + sizeof body_head - 1, digits, BODY_DIGITS);
    memcpy(out + sizeof body_head - 1 + BODY_DIGITS, body_tail, sizeof body_tail - 1);
}

/* Writes the file name of item `number`, with NUL. */
static inline void body_name(char out[NAME_SIZE], unsigned number)
{
    snprintf(out, NAME_SIZE, "dog-%08u.json", number % 100000000u);
}

/* The number in a file name, or -1 when it is not an item's. */
static inline long body_number(const char *name)
{
    char *end;
    unsigned long number;

    if (strlen(name) != NAME_SIZE - 1 || memcmp(name, "dog-", 4) != 0)
        return -1;
    number = strtoul(name + 4, &end, 10);
    return end == name + 4 + BODY_DIGITS && strcmp(end, ".json") == 0 ? (long)number : -1;
}

#endif
