import {
  type CalculationExecutionState,
  GetCalculationExecutionCommand,
  ListCalculationExecutionsCommand,
  StopCalculationExecutionCommand,
} from '@aws-sdk/client-athena';
import { type ClientOptions, openClients } from './clients.ts';
import type { ListOptions, ShowOptions } from './commands.ts';
import { printFields, printJson, printLine, printTable, time } from './output.ts';
import { collectPages } from './pages.ts';

export async function listCalculations(
  SessionId: string,
  { state, limit, json, ...options }: ListOptions,
): Promise<void> {
  const { athena } = await openClients(options);
  const filter = { SessionId, ...(state && { StateFilter: state.toUpperCase() as CalculationExecutionState }) };
  const found = await collectPages(limit, async (page) => {
    const { Calculations, NextToken } = await athena.send(new ListCalculationExecutionsCommand({ ...filter, ...page }));
    return { items: Calculations ?? [], next: NextToken };
  });
  if (json) return await printJson({ Calculations: found });
  await printTable(
    ['CALCULATION', 'STATE', 'SUBMITTED', 'COMPLETED', 'DESCRIPTION'],
    found.map(({ CalculationExecutionId = '', Status, Description = '' }) => [
      CalculationExecutionId,
      Status?.State ?? '',
      time(Status?.SubmissionDateTime),
      time(Status?.CompletionDateTime),
      Description,
    ]),
  );
}

export async function showCalculation(id: string, { json, ...options }: ShowOptions): Promise<void> {
  const { athena } = await openClients(options);
  const calculation = await athena.send(new GetCalculationExecutionCommand({ CalculationExecutionId: id }));
  if (json) return await printJson(calculation);
  const { Status, Statistics, Result } = calculation;
  await printFields([
    ['Calculation', calculation.CalculationExecutionId],
    ['Session', calculation.SessionId],
    ['Description', calculation.Description],
    ['State', Status?.State],
    ['Reason', Status?.StateChangeReason],
    ['Submitted', Status?.SubmissionDateTime],
    ['Completed', Status?.CompletionDateTime],
    ['Progress', Statistics?.Progress],
    ['DPU time', Statistics?.DpuExecutionInMillis && `${Statistics.DpuExecutionInMillis} ms`],
    ['stdout', Result?.StdOutS3Uri],
    ['stderr', Result?.StdErrorS3Uri],
    ['Result', Result?.ResultS3Uri],
  ]);
}

export async function stopCalculations(ids: readonly string[], options: ClientOptions): Promise<void> {
  const { athena } = await openClients(options);
  for (const CalculationExecutionId of ids) {
    const { State } = await athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId }));
    await printLine(`${CalculationExecutionId} ${State}`);
  }
}
