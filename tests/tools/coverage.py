#!/usr/bin/python3
"""
Prints which branches of both cores were taken, file by file, and each that was not.

  tests/tools/coverage.py OBJECTS    OBJECTS: where the .gcda files of CONFIG=cov are

A branch that nothing can take says so in place, in a comment at the end of its line or in the line before:

    /* untaken: REASON */      or      /* untaken 2: REASON */     for that many branches of the line

What an lk_assert states is guaranteed by the program itself: its other branch counts as explained.  A comment whose
number is not that of the branches untaken is an error, so that it goes when its reason goes.  The last line is
"N passed, N failed" over the files.
"""
import glob
import json
import os
import re
import subprocess
import sys

CORES = ("agent/core", "coordinator/core")
MARK = re.compile(r"/\* untaken( \d+)?: ")


def branches_of(source, objects):
    """Line -> how often each of its branches was taken."""
    data = os.path.join(objects, source[:-2] + ".gcda")
    if not os.path.exists(data):
        return None
    said = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", data],
                          check=True, capture_output=True, text=True).stdout
    lines = {}
    for file in json.loads(said)["files"]:
        if os.path.normpath(file["file"]) == source:
            for line in file["lines"]:
                counts = [branch["count"] for branch in line["branches"]]
                lines.setdefault(line["line_number"], []).extend(counts)
    return lines


def explained_at(text, number):
    """How many branches of this line may be untaken, or -1: any."""
    before = text[number - 2].strip() if number > 1 else ""
    comments = [text[number - 1]] + ([before] if before.startswith("/*") else [])
    for comment in comments:
        mark = MARK.search(comment)
        if mark:
            return int(mark.group(1) or 1)
    return -1 if "lk_assert(" in text[number - 1] else 0


def judge(source, objects):
    """Prints a row for the file; returns whether it is as it should be, and its figures."""
    with open(source, encoding="utf-8") as file:
        text = file.read().split("\n")
    lines = branches_of(source, objects)
    if lines is None:
        print(f"{source}: was not run")
        return False, 0, 0, 0
    complaints = []
    all_count = taken_count = marked_count = marks = 0
    for number, counts in sorted(lines.items()):
        untaken, explained = counts.count(0), explained_at(text, number)
        if explained < 0:
            continue
        marks += explained > 0
        all_count += len(counts)
        taken_count += len(counts) - untaken
        marked_count += min(explained, untaken)
        if untaken != explained:
            which = ", ".join(str(i) for i, count in enumerate(counts) if count == 0) or "none"
            wrong = f" where {explained} are said to be" if explained else ""
            complaints.append(f"  {source}:{number}: untaken of {len(counts)} branches: {which}{wrong}\n"
                              f"      {text[number - 1].strip()}")
    if marks != sum(1 for line in text if MARK.search(line)):
        complaints.append(f"  {source}: an \"untaken\" is at no line with branches")
    percent = 100 * (taken_count + marked_count) / all_count if all_count else 100
    print(f"{source:36} {all_count:5} {taken_count:6} {marked_count:10} {percent:7.1f} %")
    if complaints:
        print("\n".join(complaints))
    return not complaints, all_count, taken_count, marked_count


def main():
    objects = sys.argv[1]
    print(f"{'':36} {'all':>5} {'taken':>6} {'explained':>10}")
    sources = sorted(path for core in CORES for path in glob.glob(core + "/*.c"))
    judged = [judge(source, objects) for source in sources]
    whole, taken, marked = (sum(row[i] for row in judged) for i in (1, 2, 3))
    print(f"{'both cores':36} {whole:5} {taken:6} {marked:10} {100 * (taken + marked) / max(whole, 1):7.1f} %")
    good = sum(1 for row in judged if row[0])
    print(f"{good} passed, {len(judged) - good} failed")
    return 0 if judged and good == len(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
