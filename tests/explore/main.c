/*
 * explore - goes through whole small worlds; prints for each of them how many states it has.
 *
 *   explore          those that take seconds
 *   explore --all    the large ones too
 *   explore NAME...
 */
#include "tests/explore/explore.h"

#include <stdio.h>
#include <string.h>

static const struct setting worlds[] = {
    { .name = "plain", .pushes = 1 },
    { .name = "both agents for both", .pushes = 1, .generalists = true },
    { .name = "a loss", .pushes = 1, .losses = 1 },
    { .name = "a double", .pushes = 1, .doubles = 1 },
    { .name = "a crash", .pushes = 1, .crashes = 1 },
    { .name = "a cut", .pushes = 1, .cuts = 1 },
    { .name = "a killed agent", .pushes = 1, .kills = 1 },
    { .name = "a lease that ends", .pushes = 1, .generalists = true, .pauses = 1 },
    { .name = "a permit that ends", .pushes = 1, .slow_turns = 1 },
    { .name = "an outsider", .pushes = 1, .outsiders = 1 },
    { .name = "a cancel", .pushes = 1, .cancels = 1 },
    { .name = "signed, in turn", .pushes = 1, .sign = true, .in_turn = true, .crashes = 1 },
    { .name = "a slow disk", .pushes = 1, .slow_disk = true },
    { .name = "trouble", .pushes = 1, .build_fails = 1, .refusals = 1 },
    { .name = "two of one package", .pushes = 2, .same_tag = true },
    { .name = "two of one repository", .pushes = 2 },
    { .name = "crash, loss and double",
      .is_large = true,
      .pushes = 1,
      .crashes = 1,
      .losses = 1,
      .doubles = 1 },
    { .name = "a slow disk, and a crash",
      .is_large = true,
      .pushes = 1,
      .slow_disk = true,
      .crashes = 1 },
    { .name = "a crash, and a lease that ends",
      .is_large = true,
      .pushes = 1,
      .crashes = 1,
      .pauses = 1 },
    { .name = "two of one package, and a crash",
      .is_large = true,
      .pushes = 2,
      .same_tag = true,
      .crashes = 1 },
    { .name = "a crash, an outsider and a cancel",
      .is_large = true,
      .pushes = 1,
      .crashes = 1,
      .outsiders = 1,
      .cancels = 1 },
};

static bool is_asked(const struct setting *setting, int argc, char **argv)
{
    if (argc == 1)
        return !setting->is_large;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--all") == 0 || strcmp(argv[i], setting->name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    int           number = 0, failed = 0;
    struct counts counts;

    for (size_t i = 0; i < LK_COUNT(worlds); i++) {
        if (!is_asked(&worlds[i], argc, argv))
            continue;
        bool ok = search(&worlds[i], &counts);
        failed += !ok;
        printf("%sok %d - %s: %llu states, %llu transitions, %llu ends, digest %016llx, %s\n",
               ok ? "" : "not ", ++number, worlds[i].name, (unsigned long long)counts.states,
               (unsigned long long)counts.transitions, (unsigned long long)counts.ends,
               (unsigned long long)counts.digest, ok ? "complete" : "stopped");
        fflush(stdout);
    }
    printf("1..%d\n", number);
    return failed || number == 0;
}
