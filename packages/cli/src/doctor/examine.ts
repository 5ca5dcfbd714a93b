import type { Finding } from '@sess/core';
import type { App } from '../app.ts';
import { type Configuration, examineConfiguration } from './configuration.ts';
import { compareDeployment } from './deployment.ts';
import { type StorageExamination, examineStorage } from './storage.ts';
import { errorFinding } from './error-finding.ts';
import { examineSurroundings } from './surroundings.ts';
import { visit } from './visit.ts';
import { type ReportSource, type WorkerReport, collectReports } from './worker-reports.ts';
import { compareWorkers } from './workers.ts';

export interface Examination {
  configuration: Configuration;
  storage: StorageExamination;
  /** Absent where no report was asked for. */
  workers?: WorkerReport[];
  /** All of them, the worst first. */
  findings: Finding[];
}

export interface ExaminationInput {
  app: App;
  envFiles: readonly string[];
  url?: URL;
  report?: ReportSource;
}

const ranks: Record<Finding['severity'], number> = { error: 0, warning: 1, note: 2 };

export async function examine({ app, envFiles, url, report }: ExaminationInput): Promise<Examination> {
  const configuration = await examineConfiguration(app);
  const storage = await examineStorage(app, configuration.fingerprints);
  const visited = url === undefined ? [] : await visit(url, configuration.cookie);
  const collected = report === undefined ? undefined : await collectReports(report);
  const workers = collected?.workers ?? [];

  const disagreements = attempted(() => [...compareWorkers(workers, report?.requests ?? 0)]);
  // Which of their secrets is meant nobody knows: what would be said of a rotation is about one that nobody made.
  const areAtOdds = disagreements.some(({ code }) => code === 'WORKERS_SECRET');
  const fingerprints = areAtOdds ? [] : configuration.fingerprints;

  const findings = [
    ...configuration.findings,
    ...storage.findings,
    ...visited,
    ...(collected?.findings ?? []),
    ...disagreements,
    ...attempted(() => [...compareDeployment({ ...configuration, fingerprints }, storage, workers)]),
    ...attempted(() => [...examineSurroundings(app, envFiles)]),
  ];
  return {
    configuration,
    storage,
    ...(collected === undefined ? {} : { workers }),
    findings: withoutRepetitions(findings).toSorted((a, b) => ranks[a.severity] - ranks[b.severity]),
  };
}

/** One examination bears the failure of another: a report that is odd, a file that cannot be read. */
function attempted(look: () => Finding[]): Finding[] {
  try {
    return look();
  } catch (error) {
    return [errorFinding(error)];
  }
}

/** A wrong option is found by the configuration and again by the storage. */
function withoutRepetitions(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.code} ${finding.text}`, finding])).values()];
}
