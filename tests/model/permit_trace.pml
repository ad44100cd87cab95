/* A simulated run, step by step: what the rules do not allow blocks, and is refused; so is a broken promise. */
c_decl {
\#include "tests/model/steps.h"
static const char *const step_names[] = {
    "starts", "writes", "written", "crashes", "backup", "restored", "followed", "wiped", "accepted",
    "planned", "built", "staged", "permit", "turn", "told", "took", "ended", "child", "reported", "pushed",
    "checked", "done", "retried", "givenup", "queued", "looked", "index", "signed", "merged", "tagged",
    "outsider", "published", "cancelled", "failed", "again", "copied"
};
\#define STEP_NAMES ((int)(sizeof(step_names) / sizeof(step_names[0])))
};

int place;
int kind;
int w;
int x;
int y;
int z;
bit all_done;

#define STEP(number) kind == number -> place++;

active proctype Run()
{
    do
    :: d_step {
        c_code {
            const struct step *step = step_at(now.place, step_names, STEP_NAMES);
            now.kind = step->kind;
            now.w = step->number[0];
            now.x = step->number[1];
            now.y = step->number[2];
            now.z = step->number[3];
        };
        if
        :: STEP(0) starts(w)
        :: STEP(1) sync_begins()
        :: STEP(2) sync_ends()
        :: STEP(3) crashes()
        :: STEP(4) backup_taken(w, KNOWN)
        :: STEP(5) restored(w)
        :: STEP(6) followed(w, x)
        :: STEP(7) agent_is_wiped(w)
        :: STEP(8) accepted(w, x, y, z)
        :: STEP(9) planned(w, x, y, z)
        :: STEP(10) built(w, x)
        :: STEP(11) staged(w)
        :: STEP(12) job_admitted(w, x)
        :: STEP(13) package_admitted(w, x)
        :: STEP(14) permit_told(w, x)
        :: STEP(15) permit_taken(w, x, y)
        :: STEP(16) permit_ended(w, x)
        :: STEP(17) child_put(w)
        :: STEP(18) pushed_reported(x, y)
        :: STEP(19) pushed(w)
        /* An answer to what was asked earlier changes nothing (lk_job_checked, lk_publish_answer). */
        :: STEP(20)
            if
            :: IS_INSIDE(w) && core[KNOWN].job[w] >= IN_TURN -> child_checked(w)
            :: else
            fi
        :: STEP(21) done(w)
        :: STEP(22) retried(w)
        :: STEP(23) given_up(w)
        :: STEP(24) publishing_queued(w)
        :: STEP(25)
            if
            :: PUBLISHES(w) -> looked_in_turn(w)
            :: else
            fi
        :: STEP(26)
            index[w].child[0] = x;
            index[w].child[1] = y;
            index[w].child[2] = z;
            index_put(w)
        :: STEP(27) index_signed(w)
        :: STEP(28) merged(w, x)
        :: STEP(29) tag_moved(w, x)
        :: STEP(30) outsider_moved(w, x)
        :: STEP(31)
            if
            :: core[KNOWN].package[w] == OPEN -> nothing_to_do(w)
            :: else -> published(w, x)
            fi
        :: STEP(32) cancelled(w)
        :: STEP(33) failed(w)
        :: STEP(34)
            if
            :: core[KNOWN].package[w] == ENDED
            :: else -> begins_again(w)
            fi
        :: STEP(35) copied_back(w)
        :: else -> all_done = 1
        fi
    }
    :: all_done -> break
    od;
    c_code { printf("accepted: %d steps\n", step_count); }
}
