/*
 * fuzz - what a fuzz target is: fuzz_NAME.c, which defines the function below and asserts what must always
 * hold, and a directory corpus/NAME with inputs worth keeping (for each defect found, the one that showed it).
 *
 * `make fuzz` lets clang's libFuzzer look for more, FUZZ_SECONDS (30) for each target.  Everywhere else a
 * target is linked with replay.c, and `make check` runs it over its corpus.
 */
#ifndef LK_FUZZ_H
#define LK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0.  The bytes are not terminated, and gone afterwards. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
