// SPDX-License-Identifier: GPL-3.0-or-later
// Flamenco 3.3 or later: put this file into the folder `scripts` beside flamenco-manager and restart the Manager.

const JOB_TYPE = {
    label: "VRChat shape keys for a folder of avatars",
    settings: [
        { key: "avatars", type: "string", subtype: "dir_path", required: true,
          description: "Folder of avatar files on the shared storage" },
        { key: "output", type: "string", subtype: "dir_path", required: true,
          description: "Folder for the results and summary.html" },
        { key: "shapes", type: "string", required: true, default: "visemes,emotions,blink",
          description: "Any of visemes,emotions,blink,arkit" },
        { key: "tasks", type: "int32", required: true, default: 20, propargs: { min: 1, max: 500 },
          visible: "submission", description: "How many tasks to divide the folder into" },
        { key: "jobs", type: "int32", required: true, default: 1, propargs: { min: 1, max: 64 },
          visible: "submission", description: "Avatars that one worker does at the same time" },
    ]
};

function compileJob(job) {
    const settings = job.settings;
    const generate = [
        "-b", "--command", "vrc_blendshape", "generate", settings.avatars, "--output", settings.output,
        "--shapes", settings.shapes, "--jobs", `${settings.jobs}`,
    ];
    // A bad avatar does not fail its part; the summary, which is last and finds all else done, fails for it.
    const summary = blenderTask("summary", generate);
    for (let k = 1; k <= settings.tasks; k++) {
        const part = blenderTask(`part-${k}`, generate.concat(["--part", `${k}/${settings.tasks}`]));
        job.addTask(part);
        summary.addDependency(part);
    }
    job.addTask(summary);
}

function blenderTask(name, args) {
    const task = author.Task(name, "blender");
    task.addCommand(author.Command("exec", { exe: "{blender}", args: args }));
    return task;
}
