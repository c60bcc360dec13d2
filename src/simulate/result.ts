export interface SecondOfReturn {
  second: number;
  attempts: number;
  accepted: number;
  refused: number;
  connected: number;
}

export interface SimulationFigure {
  name: string;
  value: number;
  unit: string;
  note?: string | undefined;
}

export interface SimulationResult {
  scenario: string;
  agents: number;
  seed: number;
  seconds: readonly SecondOfReturn[];
  figures: readonly SimulationFigure[];
  runs?: readonly SimulationResult[] | undefined;
}

export type SimulationProgress = (done: { virtualSeconds: number; connected: number; agents: number }) => void;
