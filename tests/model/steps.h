/* Gives the steps of a simulated run (`sim --steps`) to a model's acceptor: those of $REPOSITORY in the file $STEPS. */
#ifndef LK_TESTS_MODEL_STEPS_H
#define LK_TESTS_MODEL_STEPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200000

struct step {
    int kind; /* its name's place in the model's list; -1: of another model */
    int line; /* of the file */
    int number[4];
};

static struct step steps[STEPS_MAX];
static int         step_count = -1;
static int         furthest; /* place that was asked for */

static int kind_of(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Who reads "accepted" does not mind; else this one was refused. */
static void tell_furthest(void)
{
    if (furthest < step_count)
        printf("furthest line: %d\n", steps[furthest].line);
}

static void read_steps(const char *const *names, int count)
{
    const char *path = getenv("STEPS"), *only = getenv("REPOSITORY");
    FILE       *file = path ? fopen(path, "r") : NULL;
    char        line[200], name[64], repository;
    int         line_number = 0;

    if (!file || !only) {
        fprintf(stderr,
                "steps: STEPS names no file that can be read, or REPOSITORY is not set\n");
        exit(2);
    }
    step_count = 0;
    atexit(tell_furthest);
    while (fgets(line, sizeof(line), file) && step_count < STEPS_MAX) {
        struct step *step = &steps[step_count];
        memset(step->number, 0, sizeof(step->number));
        step->line = ++line_number;
        if (sscanf(line, "%c %63s %d %d %d %d", &repository, name, &step->number[0],
                   &step->number[1], &step->number[2], &step->number[3]) < 2) {
            fprintf(stderr, "steps: this is no step: %s", line);
            exit(2);
        }
        step->kind = kind_of(name, names, count);
        if (step->kind >= 0 && (repository == '*' || repository == only[0]))
            step_count++;
    }
    fclose(file);
}

/* Pure: the same place always has the same step.  Past the last one: `count`, which ends it. */
static const struct step *step_at(int place, const char *const *names, int count)
{
    static struct step end;

    if (step_count < 0)
        read_steps(names, count);
    end.kind = count;
    furthest = place > furthest ? place : furthest;
    return place < step_count ? &steps[place] : &end;
}

#endif
