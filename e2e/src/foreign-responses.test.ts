import { callers } from './foreign-callers.ts';
import { foreignResponses } from './foreign-responses-suite.ts';

foreignResponses(callers);
