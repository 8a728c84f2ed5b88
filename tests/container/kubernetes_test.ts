// deno-lint-ignore-file no-import-prefix -- nothing but this test has these
import { VERSION } from "../../src/cli/version.ts";
import {
  type CommandLine,
  type Environment,
  parseCommandLine,
} from "../../src/options/command_line.ts";
import { OPTIONS } from "../../src/options/table.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { runProgram, testWith } from "../helpers/programs.ts";
import { startProgram } from "../helpers/run_program.ts";
import { readImage } from "./dockerfile.ts";
import { ConfigMap } from "npm:kubernetes-models@5.1.0/v1/ConfigMap";
import { Deployment } from "npm:kubernetes-models@5.1.0/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "npm:kubernetes-models@5.1.0/autoscaling/v2/HorizontalPodAutoscaler";
import { NetworkPolicy } from "npm:kubernetes-models@5.1.0/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "npm:kubernetes-models@5.1.0/policy/v1/PodDisruptionBudget";
import { Service } from "npm:kubernetes-models@5.1.0/v1/Service";
import { parse } from "npm:deno-std@1.4.0/yaml/parse.js";

const FOLDER = new URL("../../deploy/kubernetes/", import.meta.url);
const image = readImage();

/** Kubernetes's own schemas, compiled, by the kind of resource. */
const MODELS = {
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
} as unknown as Record<
  string,
  new (data: Resource) => Resource & { validate(): void }
>;

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
}

/** How long connections that are cut off may take to close (drain.ts). */
const CUT_SECONDS = 1;

type Step = string | number;

/** Reads a manifest; the result gives what is at a path in it. */
function manifest(name: string): (...path: Step[]) => unknown {
  const all: unknown = parse(Deno.readTextFileSync(new URL(name, FOLDER)));
  return (...path) => {
    let value = all;
    for (const step of path) {
      value = (value as Record<Step, unknown> | undefined)?.[step];
    }
    return value;
  };
}

const deployment = manifest("deployment.yaml");
const POD = ["spec", "template", "spec"] as const;
const CONTAINER = [...POD, "containers", 0] as const;
const pod = (...path: Step[]) => deployment(...POD, ...path);
const container = (...path: Step[]) => deployment(...CONTAINER, ...path);

const args = container("args") as string[];
const env = manifest("configmap.yaml")("data") as Environment;

/** The server as it starts in a pod. */
function commandLine(): CommandLine {
  return parseCommandLine(
    [...image.entrypoint.slice(1), ...args],
    { ...image.env, ...env },
  );
}

Deno.test("kubectl gets every manifest of the folder", () => {
  const listed = manifest("kustomization.yaml")("resources") as string[];
  const there = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".yaml") && !name.startsWith("kust"));
  assertEquals([...listed].sort(), there.sort());
  for (const name of listed) {
    assertEquals(manifest(name)("metadata", "name"), "pagi-server", name);
  }
});

Deno.test("service, deployment and disruption budget mean the same pods", () => {
  const labels = deployment("spec", "template", "metadata", "labels");
  assertEquals(deployment("spec", "selector", "matchLabels"), labels);
  assertEquals(manifest("service.yaml")("spec", "selector"), labels);
  assertEquals(
    manifest("pod-disruption-budget.yaml")("spec", "selector", "matchLabels"),
    labels,
  );
  assertEquals(
    manifest("service.yaml")("spec", "ports", 0, "targetPort"),
    container("ports", 0, "name"),
  );
  assertEquals(
    container("envFrom", 0, "configMapRef", "name"),
    manifest("configmap.yaml")("metadata", "name"),
  );
});

Deno.test("the pod runs the image as its user, at its port, and with no privilege", () => {
  assertStringIncludes(String(container("image")), `:${VERSION}`);
  assertEquals(pod("securityContext", "runAsUser"), image.user);
  assertEquals(pod("securityContext", "runAsGroup"), image.group);
  assertEquals(pod("securityContext", "runAsNonRoot"), true);
  assertEquals(container("securityContext"), {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assertEquals(container("ports", 0, "containerPort"), image.port);
  assertEquals(container("volumeMounts", 0, "mountPath"), image.folder);
  assertEquals(
    pod("volumes", 0, "name"),
    container("volumeMounts", 0, "name"),
  );
});

Deno.test("every variable of the ConfigMap is an option with a good value, as a text", () => {
  const { sources, settings } = commandLine();
  assertEquals(sources.size, Object.keys(env).length + 2); // host and mode
  assertEquals(settings.host, "0.0.0.0");
  for (const value of Object.values(env)) assertEquals(typeof value, "string");
});

Deno.test("the pod may take as long to end as the server drains, after preStop and the delay", () => {
  const { shutdownDelay, shutdownTimeout } = commandLine().settings;
  const preStop = container("lifecycle", "preStop", "sleep", "seconds");
  const grace = pod("terminationGracePeriodSeconds");
  const longest = Number(preStop) + shutdownDelay + 2 * shutdownTimeout +
    CUT_SECONDS;
  assert(Number(grace) > longest, `${grace} s, and it takes ${longest} s`);
  assertEquals(shutdownTimeout, OPTIONS.shutdownTimeout.default);
});

Deno.test("the pod may take as long to start as the app may", () => {
  const seconds = Number(container("startupProbe", "periodSeconds")) *
    Number(container("startupProbe", "failureThreshold"));
  assert(seconds > commandLine().settings.lifespanStartupTimeout);
});

Deno.test("what the pod serves is well where the probes ask", async () => {
  const here = args.map((arg) => arg.replace(image.folder, "."));
  await using program = await startProgram(["-p0", ...here], {
    env: { ...env, PAGI_METRICS: "0.0.0.0:0" },
    files: { "hello.txt": "Hello\n" },
  });
  const { metrics } = commandLine().settings;
  assertEquals(container("ports", 1), {
    name: "metrics",
    containerPort: metrics!.port,
  });
  const [, own] = await program.logged(/Metrics at (http\S+)\/metrics/);
  for (const name of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    const path = container(name, "httpGet", "path");
    assertEquals(container(name, "httpGet", "port"), "metrics");
    const answer = await fetch(own.replace("0.0.0.0", "127.0.0.1") + path);
    assertEquals([answer.status, await answer.text()], [200, "ok\n"]);
  }
  const file = await fetch(`${program.url}/hello.txt`);
  assertEquals(await file.text(), "Hello\n");
});

const OVERLAY = "../kubernetes-autoscaling/";

Deno.test("the autoscaler means the deployment, and metrics that there are", () => {
  const scaler = manifest(`${OVERLAY}horizontal-pod-autoscaler.yaml`);
  assertEquals(scaler("spec", "scaleTargetRef"), {
    apiVersion: deployment("apiVersion"),
    kind: deployment("kind"),
    name: deployment("metadata", "name"),
  });
  // Of a percentage, the part of what a container asks for.
  assert(container("resources", "requests", "cpu") !== undefined);
  const metric = scaler("spec", "metrics", 1, "pods", "metric", "name");
  const rule = manifest(`${OVERLAY}prometheus-adapter.yaml`);
  assertEquals(rule("rules", "custom", 0, "name", "as"), metric);
  const source = new URL("../../src/process/metrics.ts", import.meta.url);
  assertStringIncludes(Deno.readTextFileSync(source), `"${metric}"`);
  const annotations = ["spec", "template", "metadata", "annotations"] as const;
  assertEquals(
    deployment(...annotations, "prometheus.io/port"),
    String(container("ports", 1, "containerPort")),
  );
});

Deno.test("pods are spread over machines and zones, whichever they are", () => {
  const constraints = pod("topologySpreadConstraints") as {
    labelSelector: { matchLabels: unknown };
  }[];
  assertEquals(constraints.length, 2);
  for (const { labelSelector } of constraints) {
    assertEquals(
      labelSelector.matchLabels,
      deployment("spec", "selector", "matchLabels"),
    );
  }
});

testWith(
  ["kubectl"],
  "kubectl builds the overlay, without a number of pods",
  async () => {
    const cwd = new URL(OVERLAY, FOLDER);
    const { success, text } = await runProgram("kubectl", ["kustomize", "."], {
      cwd,
    });
    assert(success, text);
    const kinds = [...text.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind);
    assertEquals(kinds.sort(), [
      "ConfigMap",
      "Deployment",
      "HorizontalPodAutoscaler",
      "PodDisruptionBudget",
      "Service",
    ]);
    assert(!/^ *replicas:/m.test(text));
  },
);

Deno.test("every manifest keeps to the schemas of Kubernetes", () => {
  const names = [
    ...manifest("kustomization.yaml")("resources") as string[],
    `${OVERLAY}horizontal-pod-autoscaler.yaml`,
  ];
  const given = names.map((name) => manifest(name)() as Resource);
  for (const resource of [...given, ...broker()]) check(resource);

  function check(given: Resource): void {
    const checked = new MODELS[given.kind](given);
    assertEquals(checked.apiVersion, given.apiVersion);
    checked.validate();
    const metadata = { name: 7 };
    const broken = new MODELS[given.kind]({ ...given, ...{ metadata } });
    assertThrows(() => broken.validate(), Error, "name");
  }
});

/** What the overlay of channels adds. */
function broker(): Resource[] {
  const url = new URL("../kubernetes-channels/redis.yaml", FOLDER);
  return Deno.readTextFileSync(url).split(/^---$/m)
    .map((text) => parse(text) as Resource);
}

Deno.test("the channels of all pods meet at the broker of the overlay", () => {
  const overlay = manifest("../kubernetes-channels/kustomization.yaml");
  const patch = parse(String(overlay("patches", 0, "patch"))) as {
    metadata: unknown;
    data: Record<string, string>;
  };
  assertEquals(patch.metadata, { name: "pagi-server" });
  const { settings } = parseCommandLine(["./app.js"], patch.data);
  const { hostname, port } = new URL(settings.channelsBackend!);
  const service = broker().find(({ kind }) =>
    kind === "Service"
  ) as unknown as {
    metadata: { name: string };
    spec: { ports: { port: number }[] };
  };
  assertEquals(hostname, service.metadata.name);
  assertEquals(Number(port), service.spec.ports[0].port);
});
